// The sockets of `examples/serve` with Node's `ws`.
//
//   cargo run --example serve -- --listen 127.0.0.1:8080 --deflate
//   npm install --prefix target/clients ws
//   NODE_PATH=target/clients/node_modules node tests/programs/clients/node.mjs 127.0.0.1:8080 deflate
//
// Without --deflate the last word is `plain`.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const { WebSocket } = createRequire(import.meta.url)("ws"); // `import` does not look into NODE_PATH

const [address, deflate] = process.argv.slice(2);
if (!["deflate", "plain"].includes(deflate)) {
  console.error("usage: node tests/programs/clients/node.mjs HOST:PORT deflate|plain");
  process.exit(2);
}
const LENGTHS = [0, 1, 100, 125, 126, 65535, 65536, 1 << 20];
const TEXT = "gr\u00fcn, 3 \u20ac, \u{1f980}\u200d\u{1f6e0}; ";
const SOCKETS = 50;

async function open(path, options = {}) {
  const socket = new WebSocket(`ws://${address}${path}`, { perMessageDeflate: false, ...options });
  await once(socket, "open");
  return socket;
}

async function said(socket) {
  const [data, isBinary] = await once(socket, "message");
  return isBinary ? data : data.toString();
}

async function assertEchoes(socket, message) {
  const heard = said(socket);
  socket.send(message);
  assert.ok(Buffer.compare(Buffer.from(await heard), Buffer.from(message)) === 0, `${message.length} come back`);
}

async function close(socket, ...frame) {
  const closed = once(socket, "close");
  socket.close(...frame);
  const [code, reason] = await closed;
  return [code, reason.toString()];
}

// Both kinds of every length, and one after the other without waiting.
async function assertEchoesAll(socket) {
  for (const length of LENGTHS) {
    await assertEchoes(socket, randomBytes(length));
    await assertEchoes(socket, Buffer.alloc(length, "leasehold "));
    await assertEchoes(socket, TEXT.repeat(length / Buffer.byteLength(TEXT)));
  }
  const messages = Array.from({ length: 200 }, (_, index) => `${index} ${TEXT.repeat(index)}`);
  const heard = [];
  const all = new Promise((done) => socket.on("message", (data) => heard.push(data.toString()) === messages.length && done()));
  messages.forEach((message) => socket.send(message));
  await all;
  socket.removeAllListeners("message");
  assert.deepEqual(heard, messages);
}

const tests = {
  async "text and bytes come back"() {
    const socket = await open("/ws");
    await assertEchoesAll(socket);
    assert.deepEqual(await close(socket, 1000), [1000, ""]);
  },

  async "fragments come back as a whole"() {
    const socket = await open("/ws");
    const bytes = Buffer.from(TEXT.repeat(2000));
    for (const length of [1, 3, 1000, 40000]) {
      const parts = [];
      for (let at = 0; at < Math.min(bytes.length, length * 500); at += length) parts.push(bytes.subarray(at, at + length));
      for (const binary of [true, false]) {
        const whole = Buffer.concat(parts);
        // Cut within a character at the end, it is no text.
        const text = binary ? whole : Buffer.from(whole.toString().replace(/\ufffd$/, ""));
        const sent = binary ? parts : [text.subarray(0, length), text.subarray(length, length), text.subarray(length)];
        const heard = once(socket, "message");
        sent.forEach((part, index) => {
          socket.send(part, { binary, fin: index === sent.length - 1 });
          if (index === 1) socket.ping("between");
        });
        const [data, isBinary] = await heard;
        assert.equal(isBinary, binary);
        assert.ok(data.equals(binary ? whole : text));
      }
    }
    await close(socket);
  },

  async "pings are answered with what they carry"() {
    const socket = await open("/ws");
    for (const payload of [Buffer.alloc(0), Buffer.from("ping"), randomBytes(125)]) {
      const pong = once(socket, "pong");
      socket.ping(payload);
      assert.ok((await pong)[0].equals(payload));
    }
    socket.pong("nobody asked");
    await assertEchoes(socket, "after a pong");
    await close(socket);
  },

  async "closes are answered with their code"() {
    for (const code of [1000, 1001, 1011, 3000, 4999]) {
      assert.deepEqual(await close(await open("/ws"), code, "enough \u{1f980}"), [code, ""]);
    }
    // 1005: there was no code, and there is none in the answer.
    assert.deepEqual(await close(await open("/ws")), [1005, ""]);
  },

  async "what is wrong is closed with a code that says so"() {
    const closing = async (send) => {
      const socket = await open("/ws");
      const closed = once(socket, "close");
      socket.on("error", () => {}); // the server may be gone before all is written
      send(socket);
      return (await closed)[0];
    };
    assert.equal(await closing((socket) => socket.send(Buffer.alloc((1 << 20) + 1))), 1009);
    assert.equal(await closing((socket) => socket.send(Buffer.alloc(8 << 20))), 1009);
    assert.equal(await closing((socket) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false })), 1007);
    assert.equal(await closing((socket) => socket._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))), 1002);
    assert.equal(await closing((socket) => socket._socket.write(Buffer.from([0x81, 0x01, 0x41]))), 1002); // not masked
  },

  async "compression is agreed on, or declined"() {
    const takeover = { serverNoContextTakeover: true, clientNoContextTakeover: true };
    for (const offer of [true, { threshold: 0 }, { threshold: 0, ...takeover }, { threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 9 }]) {
      const socket = await open("/ws", { perMessageDeflate: offer });
      assert.equal(socket.extensions, deflate === "deflate" ? "permessage-deflate" : "");
      await assertEchoesAll(socket);
      assert.deepEqual(await close(socket, 1000), [1000, ""]);
    }
  },

  async "a message that inflates to more than is taken is refused"() {
    const socket = await open("/ws", { perMessageDeflate: true });
    const closed = once(socket, "close");
    socket.on("error", () => {});
    socket.send(Buffer.alloc(64 << 20));
    assert.equal((await closed)[0], 1009);
  },

  async "fifty sockets are served at once"() {
    const sockets = await Promise.all(Array.from({ length: SOCKETS }, (_, index) => open("/ws", { perMessageDeflate: index % 2 === 0 })));
    await Promise.all(
      sockets.map(async (socket, index) => {
        for (let times = 0; times < 20; times += 1) await assertEchoes(socket, randomBytes((index * 997 * times) % 100_000));
        await assertEchoes(socket, TEXT.repeat(index));
      }),
    );
    const codes = await Promise.all(sockets.map((socket) => close(socket, 1000)));
    assert.ok(codes.every(([code]) => code === 1000));
  },

  async "figures come by the feed"() {
    const listeners = await Promise.all([0, 1, 2].map(() => open("/feed", { origin: `http://${address}` })));
    const told = listeners.map(() => []);
    listeners.forEach((listener, index) => listener.on("message", (data) => told[index].push(data.toString())));
    await sleep(4000);
    const [first, ...others] = told;
    assert.ok(first.length >= 3 && first.length <= 5, `${first.length} in four seconds`);
    assert.ok(others.every((heard) => heard.at(-2) === first.at(-2) || heard.at(-2) === first.at(-1)));
    assert.equal(JSON.parse(first.at(-1)).sockets, listeners.length);
    await Promise.all(listeners.map((listener) => close(listener)));
    await assert.rejects(open("/feed", { origin: "http://evil.example" }), /403/);
  },

  async "nothing is left"() {
    for (const deadline = Date.now() + 20_000; ; await sleep(100)) {
      const { leased, sockets } = await (await fetch(`http://${address}/-/pool`)).json();
      if (leased === 0 && sockets === 0) return;
      assert.ok(Date.now() < deadline, `${leased} bytes are leased, ${sockets} sockets are open`);
    }
  },
};

for (const [words, test] of Object.entries(tests)) {
  const slow = setTimeout(() => assert.fail(`it takes too long that ${words}`), 60_000);
  await test();
  clearTimeout(slow);
  console.log(`node, ${deflate}: ${words}`);
}
