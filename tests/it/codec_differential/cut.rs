//! Every way to cut a stream that is worth reading.

/// Streams up to this length are cut at every pair of positions too.
const PAIRS_MAX: usize = 16;

/// The pieces of `stream`: one, two by every cut, three by every pair of cuts if it is short, and
/// single bytes. None is empty.
pub(crate) fn cuttings(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut all = vec![pieces(stream, &[]), stream.chunks(1).collect()];
    for first in 1..stream.len() {
        all.push(pieces(stream, &[first]));
        if stream.len() <= PAIRS_MAX {
            all.extend((first + 1..stream.len()).map(|second| pieces(stream, &[first, second])));
        }
    }
    all
}

/// The pieces of `stream` between ascending `cuts`.
pub(crate) fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let begins = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([stream.len()]);
    begins
        .zip(ends)
        .map(|(begin, end)| &stream[begin..end])
        .filter(|piece| !piece.is_empty())
        .collect()
}
