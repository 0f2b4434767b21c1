//! Server-sent events out of bytes (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

/// Nobody sends longer events; whoever does is not read on.
const LONGEST_BYTES: usize = 1 << 20;

/// Reads the data of one event after the other, wherever its bytes were cut.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// A line ended with CR; an LF behind it belongs to it.
    after_cr: bool,
}

/// An event is longer than any is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Events {
    /// Hands over the data of each event that is whole by now.
    pub(crate) fn push(&mut self, bytes: &[u8], mut tell: impl FnMut(String)) -> Result<(), TooLong> {
        for byte in bytes {
            if std::mem::take(&mut self.after_cr) && *byte == b'\n' {
                continue;
            }
            match byte {
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    self.end_line(&mut tell);
                }
                _ if self.line.len() + self.data.len() >= LONGEST_BYTES => return Err(TooLong),
                byte => self.line.push(*byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, tell: &mut impl FnMut(String)) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                tell(String::from_utf8_lossy(&data).into_owned());
            }
            return;
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n: still there\n\ndata: año 🚗\r\ndata: two\r\n\r\ndata:x\r\rdata\n\n";

    fn read<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<String> {
        let (mut events, mut read) = (Events::default(), Vec::new());
        for piece in pieces {
            events.push(piece, |data| read.push(data)).expect("short");
        }
        read
    }

    proptest! {
        #[test]
        fn events_are_the_same_wherever_the_bytes_are_cut(mut cuts in prop::collection::vec(0..BODY.len(), 0..12)) {
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([BODY.len()]) {
                pieces.push(&BODY.as_bytes()[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(pieces), ["{\"type\":\"ping\"}", "año 🚗\ntwo", "x"]);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            read([bytes.as_slice()]);
        }
    }

    #[test]
    fn what_never_ends_is_not_read_on() {
        let mut events = Events::default();
        let endless = vec![b'x'; LONGEST_BYTES + 1];
        assert_eq!(events.push(&endless, |_| {}), Err(TooLong));
    }
}
