// The page of `examples/serve` in headless Chromium, at the width of a desktop and of a phone.
//
//   npm install --prefix target/browser playwright-core
//   NODE_PATH=target/browser/node_modules node tests/browser/page.mjs target/screenshots
//
// Needs cargo, curl and Chromium (from PATH, or named by CHROMIUM). The argument is a directory for screenshots.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

// Whatever runs is ended with this process, also when a test fails.
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

const ROOT = path.resolve(import.meta.dirname, "../..");
const VIEWS = [
  { name: "desktop", width: 1280, height: 800 },
  { name: "phone", width: 360, height: 740 },
];
const DOWNLOADS = 6;
const IDLE = 20;
// What a client may be called in another program.
const HOSTILE = [
  "<img src=x onerror=\"document.title='taken'\">",
  "</script><script>document.title='taken'</script>",
  "&lt;b&gt; ${document.title='taken'}",
  "\u202egnorw eht morf \u0000\u0007\n\nlines",
  "x".repeat(5000),
  "a name with spaces ".repeat(100),
];

function skip(why) {
  console.error(`\n*** SKIPPED, nothing was tested: ${why}\n*** CONTRIBUTING.md says how to get it\n`);
  process.exit(0);
}

function findChromium() {
  const names = process.env.CHROMIUM ? [process.env.CHROMIUM] : ["chromium", "chromium-browser", "google-chrome"];
  const places = names.flatMap((name) => process.env.PATH.split(":").map((dir) => path.resolve(dir, name)));
  return places.find((place) => fs.existsSync(place)) ?? skip("there is no Chromium");
}

function loadPlaywright() {
  try {
    return createRequire(import.meta.url)("playwright-core"); // `import` does not look into NODE_PATH
  } catch {
    return skip("there is no playwright-core");
  }
}

function program() {
  execFileSync("cargo", ["build", "--quiet", "--example", "serve"], { cwd: ROOT, stdio: "inherit" });
  return path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/examples/serve");
}

function start(command, flags, stdio) {
  const child = spawn(command, flags, { stdio });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

async function startServer(site, port) {
  const child = start(program(), ["--listen", `127.0.0.1:${port}`, "--root", site], ["ignore", "pipe", "ignore"]);
  for await (const line of readline.createInterface(child.stdout)) {
    return { child, address: line.replace("listening on ", ""), port: Number(line.split(":").at(-1)) };
  }
  throw new Error("the server does not start");
}

async function stop(child, signal = "SIGKILL") {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await new Promise((done) => child.once("exit", done));
}

// Asks until it is so: the page is a second behind, and the server needs a moment to see that a client is gone.
async function eventually(words, isSo) {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) if (await isSo()) return;
  assert.fail(`it does not come to be that ${words}`);
}

// A connection that has had its answer and is kept.
function idleConnection(port) {
  return new Promise((done) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(`GET /short HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`));
    socket.once("data", () => done(socket));
  });
}

// Downloads that take for ever, and connections that do nothing.
async function startLoad({ address, port }) {
  const curl = () => start("curl", ["-s", "--limit-rate", "100k", "-o", "/dev/null", `${address}/big`], "ignore");
  const downloads = Array.from({ length: DOWNLOADS }, curl);
  const idle = await Promise.all(Array.from({ length: IDLE }, () => idleConnection(port)));
  return async () => {
    idle.forEach((socket) => socket.destroy());
    await Promise.all(downloads.map(stop));
  };
}

// Texts whose contrast with what is behind them is below the 4.5 of WCAG 1.4.3.
function paleTexts() {
  const rgb = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) =>
    [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    const color = rgb(getComputedStyle(element).backgroundColor);
    return color[3] === 0 && element.parentElement ? ground(element.parentElement) : color;
  };
  const texts = [...document.querySelectorAll("body *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  const shown = texts.filter((e) => e.checkVisibility({ visibilityProperty: true }));
  const contrast = (e) => {
    const [dark, bright] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  return shown.map((e) => [e.textContent.trim().slice(0, 30), contrast(e)]).filter(([, ratio]) => ratio < 4.5);
}

const text = (page, id) => page.locator(`#${id}`).textContent();
const isLive = async (page) => (await text(page, "state")).startsWith("live");
const number = async (page, id) => Number((await text(page, id)).replaceAll(",", ""));
const names = (page) => page.locator("#accounts li:not(.unused) .name").allTextContents();
const heights = (page) => page.locator("section").evaluateAll((all) => all.map((section) => section.offsetHeight));

async function assertNothingIsCutOff(page) {
  const [scrollWidth, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(scrollWidth, width, "there is sideways scrolling");
  const outside = await page.evaluate(() =>
    [...document.querySelectorAll("body *:not(script):not(path)")].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(outside, []);
}

// As if somebody went to another tab, or came back.
const look = (page, isThere) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, !isThere);

async function testView(browser, view, site, shots) {
  let server = await startServer(site, 0);
  const errors = [];
  let isAwayWanted = false;
  const open = async () => {
    const page = await browser.newPage({ viewport: view });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      // Chromium itself tells of each request that found no server, and of the icons that listings and JSON do not have.
      const isRefusal = isAwayWanted && message.text().includes("ERR_CONNECTION_REFUSED");
      const isOfIcon = message.location().url.endsWith("/favicon.ico");
      if (["error", "warning"].includes(message.type()) && !isRefusal && !isOfIcon) errors.push(message.text());
    });
    return page;
  };
  const figure = async (name) => (await (await fetch(`${server.address}/-/pool`)).json())[name];
  const page = await open();
  let [asked, sockets] = [0, 0]; // by the page
  page.on("request", (request) => (asked += request.url().endsWith("/-/pool")));
  page.on("websocket", () => (sockets += 1));
  const shoot = async (name, of = page) => {
    await sleep(500); // bars have moved to their place
    await of.screenshot({ path: path.join(shots, `${view.name}-${name}.png`), fullPage: true });
  };
  const step = async (words, run) => {
    await run();
    assert.deepEqual(errors, [], words);
    console.log(`${view.name}: ${words}`);
  };

  await step("a server at rest has nothing leased", async () => {
    await page.goto(server.address);
    await eventually("it is live", () => isLive(page));
    await eventually("nothing is leased", async () => (await text(page, "leased")) === "0\u00a0B");
    assert.equal(await page.locator("#classes tr").count(), 6);
    await assertNothingIsCutOff(page);
  });

  await step("the figures come by one socket, and are not asked for", async () => {
    await eventually("the socket is counted", async () => (await number(page, "sockets")) === 1);
    const told = () => page.locator("#history .line").getAttribute("d");
    for (let times = 0; times < 3; times += 1) {
      const before = await told();
      await eventually("a figure comes", async () => (await told()) !== before);
    }
    assert.deepEqual([asked, sockets], [0, 1]);
  });

  await step("the socket is closed while nobody looks", async () => {
    await look(page, false);
    await eventually("it is closed", async () => (await figure("sockets")) === 0);
    await sleep(6000); // longer than the pause before it would be opened again
    assert.deepEqual([await figure("sockets"), asked, sockets], [0, 0, 1]);
    await look(page, true);
    await eventually("it is open", async () => (await figure("sockets")) === 1);
    await eventually("it is live", () => isLive(page));
    assert.deepEqual([asked, sockets], [0, 2]);
  });

  await step("numbers rise under load and fall to 0 afterwards; nothing moves", async () => {
    const before = await heights(page);
    const endLoad = await startLoad(server);
    await eventually("memory is leased", async () => (await text(page, "leased")) !== "0\u00a0B");
    await eventually("accounts are named", async () => (await names(page)).includes("/big"));
    await eventually("blocks are leased", async () => Number(await page.locator("#classes tr:nth-child(4) td:nth-child(3)").textContent()) > 0);
    await eventually("idle connections are parked", async () => (await number(page, "parked")) >= IDLE);
    await eventually("downloads wait at their limit", async () => (await number(page, "waiting-at-limit")) >= DOWNLOADS);
    await eventually("downloads are awake", async () => (await number(page, "awake")) >= DOWNLOADS);
    await sleep(view.name === "desktop" ? 12_000 : 0); // for a curve that can be looked at
    await assertNothingIsCutOff(page);
    assert.deepEqual(await heights(page), before);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      assert.deepEqual(await page.evaluate(paleTexts), [], `pale on ${scheme}`);
      await shoot(`load-${scheme}`);
    }
    await endLoad();
    await eventually("all is home", async () => (await text(page, "leased")) === "0\u00a0B" && !(await names(page)).includes("/big"));
    await eventually("only this page is connected", async () => (await number(page, "parked")) + (await number(page, "awake")) <= 2);
    assert.deepEqual(await heights(page), before);
    await shoot("rest");
  });

  await step("a name is text, whatever it says", async () => {
    const before = await heights(page);
    const told = await open();
    await told.routeWebSocket("**/feed", (socket) => {
      socket.connectToServer().onMessage((message) => {
        const figures = JSON.parse(message);
        figures.accounts = HOSTILE.map((name, index) => ({ name, leased: 65536 * (8 - index), limit: 524288, peak: 524288 }));
        socket.send(JSON.stringify(figures));
      });
    });
    await told.goto(server.address);
    const title = await told.title();
    await eventually("the names are there", async () => (await names(told)).length === HOSTILE.length);
    assert.deepEqual(await names(told), HOSTILE);
    assert.equal(await told.locator("img, #accounts script, #accounts b").count(), 0);
    assert.equal(await told.title(), title);
    assert.deepEqual(await heights(told), before);
    await assertNothingIsCutOff(told);
    await shoot("hostile-names", told);
    await told.close();
  });

  await step("without a socket one request is on its way at a time, one a second, and none while nobody looks", async () => {
    const page = await open();
    let [asked, underWay, underWayMost, tried] = [0, 0, 0, 0];
    await page.routeWebSocket("**/feed", (socket) => {
      tried += 1;
      return socket.close();
    });
    await page.route("**/-/pool", async (route) => {
      [asked, underWay] = [asked + 1, underWay + 1];
      underWayMost = Math.max(underWayMost, underWay);
      await sleep(asked === 1 ? 3000 : 0);
      underWay -= 1;
      await route.continue();
    });
    await page.goto(server.address);
    await eventually("it asks a server that is slow", () => underWay === 1);
    await look(page, false);
    await look(page, true);
    await sleep(6500);
    assert.ok(await isLive(page), "it is live all the same");
    assert.ok(tried === 3, `it tries again after a pause, not ${tried} times`);
    assert.ok(underWayMost === 1 && asked >= 4 && asked <= 7, `${asked} requests, ${underWayMost} at once`);
    for (let times = 0; times < 3; times += 1) {
      await look(page, false);
      await look(page, true);
    }
    await sleep(100);
    asked = 1;
    await sleep(3000);
    assert.ok(asked >= 3 && asked <= 5, `${asked - 1} requests in three seconds`);
    await look(page, false);
    await sleep(300);
    asked = 1;
    await sleep(2500);
    assert.equal(asked, 1, "it asks while nobody looks");
    await look(page, true);
    await eventually("it asks again", () => asked > 1);
    await page.close();
  });

  await step("a server that goes away is missed, and found again", async () => {
    for (const signal of ["SIGTERM", "SIGKILL"]) {
      isAwayWanted = true;
      const opened = sockets;
      await stop(server.child, signal);
      await eventually("it is missed", async () => (await text(page, "state")) === "not reachable, trying again");
      assert.deepEqual(await page.evaluate(paleTexts), []);
      await assertNothingIsCutOff(page);
      await shoot("away");
      server = await startServer(site, server.port);
      await eventually("it is found", () => isLive(page));
      await eventually("a new socket is open", async () => sockets > opened && (await number(page, "sockets")) === 1);
      isAwayWanted = false;
      await sleep(1500);
      asked = 0;
      await sleep(2500);
      assert.ok((await isLive(page)) && asked === 0, `${asked} requests beside the socket`);
    }
  });

  await step("nothing moves for those who want no motion", async () => {
    const transition = () => page.locator("#budget rect").first().evaluate((rect) => getComputedStyle(rect).transitionDuration);
    await page.emulateMedia({ reducedMotion: "reduce" });
    assert.equal(await transition(), "0s");
    await page.emulateMedia({ reducedMotion: "no-preference" });
    assert.notEqual(await transition(), "0s");
  });

  await step("its links lead somewhere", async () => {
    for (const [link, found] of [["Files", "short"], ["Figures as JSON", '"budget"'], ["Figures for Prometheus", "leasehold_leased_bytes"]]) {
      await page.goto(server.address);
      await page.getByRole("link", { name: link }).click();
      await eventually(`${link} has ${found}`, async () => (await page.locator("body").textContent()).includes(found));
    }
  });

  await page.close();
  await stop(server.child);
}

const shots = process.argv[2];
if (!shots) {
  console.error("usage: node tests/browser/page.mjs DIRECTORY-FOR-SCREENSHOTS");
  process.exit(2);
}
fs.mkdirSync(shots, { recursive: true });
const { chromium } = loadPlaywright();
const flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]; // root in a container has no sandbox
const browser = await chromium.launch({ executablePath: findChromium(), args: flags });
const site = fs.mkdtempSync(path.join(os.tmpdir(), "leasehold-page-"));
fs.writeFileSync(path.join(site, "short"), "text");
fs.closeSync(fs.openSync(path.join(site, "big"), "w"));
fs.truncateSync(path.join(site, "big"), 1 << 30); // takes no room on the disk
try {
  for (const view of VIEWS) await testView(browser, view, site, shots);
} finally {
  await browser.close();
  fs.rmSync(site, { recursive: true });
}
