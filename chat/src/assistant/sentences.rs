//! A text as it grows, in sentences: what is checked is checked whole, before anybody reads its beginning.

/// A sentence that goes on for longer is checked as far as it has come.
const LONGEST_LETTERS: usize = 600;

#[derive(Debug, Default)]
pub(super) struct Sentences(String);

impl Sentences {
    /// The sentences that are whole by now.
    pub(super) fn push(&mut self, more: &str) -> Vec<String> {
        self.0.push_str(more);
        let mut whole = Vec::new();
        while let Some(end) = end_of_first(&self.0) {
            let rest = self.0.split_off(end);
            let sentence = std::mem::replace(&mut self.0, rest);
            whole.extend(Some(sentence.trim().to_owned()).filter(|sentence| !sentence.is_empty()));
        }
        whole
    }

    /// What is left when nothing more comes.
    pub(super) fn rest(self) -> Option<String> {
        Some(self.0.trim().to_owned()).filter(|rest| !rest.is_empty())
    }
}

/// Behind the sign that ends it, which is one only with a space behind it: `$459.99` goes on, and so does `9 a.m`.
fn end_of_first(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().peekable();
    let mut count = 0_usize;
    while let Some((at, letter)) = letters.next() {
        count += 1;
        let next = letters.peek().map(|(_, next)| *next);
        let ends = match letter {
            '\n' => true,
            '.' | '!' | '?' | '…' => next.is_some_and(char::is_whitespace) && !is_short_word(&text[..at]),
            _ => count >= LONGEST_LETTERS && letter.is_whitespace(),
        };
        if ends {
            return Some(at + letter.len_utf8());
        }
    }
    None
}

/// As in `a.m.`, `p. m.`, `St.` and `Dr.`: the sentence goes on behind it.
fn is_short_word(before: &str) -> bool {
    const SHORT: [&str; 10] = ["a", "p", "m", "a.m", "p.m", "st", "dr", "mr", "ms", "ave"];
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
    SHORT.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Ceramic Tint is $459.99 plus tax. We open at 9 a. m. on Tuesday! ¿Le parece bien?\nYes";

    #[test]
    fn a_sentence_ends_where_people_end_it() {
        let mut sentences = Sentences::default();
        let whole = sentences.push(TEXT);
        assert_eq!(whole, ["Ceramic Tint is $459.99 plus tax.", "We open at 9 a. m. on Tuesday!", "¿Le parece bien?"]);
        assert_eq!(sentences.rest().as_deref(), Some("Yes"));
    }

    proptest! {
        #[test]
        fn it_is_the_same_in_whatever_pieces_it_comes(text in "[a-z.!? \n$0-9]{0,80}", size in 1_usize..9) {
            let letters: Vec<char> = text.chars().collect();
            let mut in_pieces = Sentences::default();
            let mut read: Vec<String> = letters.chunks(size).flat_map(|piece| in_pieces.push(&piece.iter().collect::<String>())).collect();
            read.extend(in_pieces.rest());
            let mut at_once = Sentences::default();
            let mut whole = at_once.push(&text);
            whole.extend(at_once.rest());
            prop_assert_eq!(read, whole);
        }
    }
}
