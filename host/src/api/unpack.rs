//! Compressed bodies: the codings of `Content-Encoding`, decompressed piece by piece, so that what expands without end
//! costs no more than its limit.

use std::io::{self, Read};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use flate2::read::MultiGzDecoder;

use super::problem::{Problem, Result};

/// Bytes that are decompressed at a time.
const PIECE: usize = 64 << 10;
/// Power of two of the bytes that zstd may look back: 8 MiB, what RFC 9659 has for the web. More is refused.
const MAX_WINDOW_LOG: u32 = 23;
/// The codings that are understood, for `Accept-Encoding`.
const UNDERSTOOD: HeaderValue = HeaderValue::from_static("gzip, zstd");

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// The coding that the headers name; `None` where the body is sent as it is.
    ///
    /// # Errors
    /// 415, with the codings that are understood: it names another one, or several.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
        let (first, more) = (named.next(), named.next().is_some());
        let name = first.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase());
        match name.as_deref() {
            _ if more => Err(unknown("there several times")),
            None | Some("" | "identity") => Ok(None),
            Some("gzip" | "x-gzip") => Ok(Some(Coding::Gzip)),
            Some("zstd") => Ok(Some(Coding::Zstd)),
            Some(other) => Err(unknown(other)),
        }
    }

    /// Decompresses `packed`, and hands on each piece.
    ///
    /// # Errors
    /// 400 where it is not what the coding says, from its first byte to its last; those of `take`.
    pub fn unpack(self, packed: &[u8], take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self {
            Coding::Gzip => self.pieces(MultiGzDecoder::new(packed), take),
            Coding::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(packed).and_then(|mut decoder| {
                    decoder.window_log_max(MAX_WINDOW_LOG)?;
                    Ok(decoder)
                });
                self.pieces(decoder.map_err(|error| self.corrupt(&error))?, take)
            }
        }
    }

    fn pieces(self, mut from: impl Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(size) => take(&piece[..size])?,
                Err(error) => return Err(self.corrupt(&error)),
            }
        }
    }

    fn corrupt(self, error: &io::Error) -> Problem {
        let coding = match self {
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd (with a window of at most 8 MiB)",
        };
        Problem::new(StatusCode::BAD_REQUEST, "corrupt body", format!("the body is no whole {coding}: {error}"))
    }
}

fn unknown(given: &str) -> Problem {
    let detail = format!("Content-Encoding is {given}; use gzip or zstd, once, or none");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown content encoding", detail)
        .header(header::ACCEPT_ENCODING, UNDERSTOOD)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory takes it")
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 3).expect("memory takes it")
    }

    fn unpacked(coding: Coding, packed: &[u8]) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let result = coding.unpack(packed, |piece| {
            content.extend_from_slice(piece);
            Ok(())
        });
        result.ok().map(|()| content)
    }

    #[test]
    fn what_was_packed_comes_out_in_one_part_or_in_several() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        for (coding, pack) in [(Coding::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Coding::Zstd, zstd)] {
            for content in [b"".as_slice(), b"x", &text] {
                assert_eq!(unpacked(coding, &pack(content)).as_deref(), Some(content), "{coding:?}");
            }
            let parts = [pack(b"one "), pack(b""), pack(b"two")].concat();
            assert_eq!(unpacked(coding, &parts).as_deref(), Some(b"one two".as_slice()), "{coding:?}");
        }
    }

    #[test]
    fn what_is_cut_short_changed_or_followed_by_something_else_is_refused() {
        let text: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        for (coding, packed) in [(Coding::Gzip, gzip(&text)), (Coding::Zstd, zstd(&text))] {
            for end in (0..40).chain([packed.len() / 2]).chain(packed.len() - 8..packed.len()) {
                let whole = unpacked(coding, &packed[..end]);
                // Nothing at all is no frame of zstd, which is a file of none.
                assert!(whole.is_none() || end == 0 && whole == Some(Vec::new()), "{coding:?} up to {end}");
            }
            for garbage in [b"\0".as_slice(), b"{}", b"garbage that is longer than any header"] {
                assert_eq!(unpacked(coding, &[&packed, garbage].concat()), None, "{coding:?} {garbage:?}");
            }
            assert_eq!(unpacked(coding, &text), None, "{coding:?}");
        }
        let mut changed = gzip(&text);
        let checksum = changed.len() - 8;
        changed[checksum] ^= 1;
        assert_eq!(unpacked(Coding::Gzip, &changed), None);
    }

    #[test]
    fn a_window_of_zstd_that_is_too_large_is_refused() {
        let packed = |log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("a level");
            encoder.window_log(log).expect("a window");
            encoder.write_all(b"text").and_then(|()| encoder.finish()).expect("memory takes it")
        };
        assert_eq!(unpacked(Coding::Zstd, &packed(MAX_WINDOW_LOG)).as_deref(), Some(b"text".as_slice()));
        assert_eq!(unpacked(Coding::Zstd, &packed(MAX_WINDOW_LOG + 1)), None);
    }

    #[test]
    fn a_bomb_is_left_when_it_is_no_longer_wanted() {
        let zeros = vec![0; 64 << 20];
        for (coding, packed) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
            let mut taken = 0;
            let result = coding.unpack(&packed, |piece| {
                taken += piece.len();
                if taken > 1 << 20 { Err(Problem::bad_request("enough")) } else { Ok(()) }
            });
            assert!(result.is_err() && taken <= (1 << 20) + PIECE, "{coding:?}: {taken}");
        }
    }

    #[test]
    fn codings_are_named_once() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            Coding::of(&headers).ok()
        };
        for none in [&[][..], &["identity"], &[""]] {
            assert_eq!(of(none), Some(None));
        }
        assert_eq!((of(&["GZIP "]), of(&["x-gzip"])), (Some(Some(Coding::Gzip)), Some(Some(Coding::Gzip))));
        assert_eq!(of(&["zstd"]), Some(Some(Coding::Zstd)));
        for refused in [&["br"][..], &["gzip, gzip"], &["gzip", "zstd"], &["deflate"]] {
            assert_eq!(of(refused), None, "{refused:?}");
        }
    }
}
