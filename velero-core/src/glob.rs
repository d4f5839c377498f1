//! Globs of resource, namespace and label filters, in the dialect of Velero's filters (spec 3.4, 3.5).
//!
//! Comes in: a pattern; goes out: whether a text matches it as a whole. `*` is any sequence, `?` one character,
//! `[abc]`, `[a-z]` and `[!…]` one of a class, `{a,b}` one of several patterns, `\` takes the next character as it is.
//! No character separates, unless one is named: then `*` and `?` stop at it and only `**` crosses it. Refused: classes
//! that are empty, unclosed or mix a range with more, because the dialect refuses them too.
//!
//! Matching keeps the set of reachable positions instead of trying one path after the other, so no pattern takes more
//! than pattern length times text length steps.

mod set;

pub use set::GlobSet;

/// How deep alternatives may nest; deeper patterns are refused instead of exhausting the stack.
const MAX_DEPTH: usize = 32;

/// A pattern that is not well-formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?} is malformed: {reason}")]
pub struct BadPattern {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Any,
    Everything,
    Class { negated: bool, class: Class },
    Choice(Vec<Vec<Token>>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Class {
    Range(char, char),
    Members(Vec<char>),
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
    separator: Option<char>,
}

impl Glob {
    /// Compiles `pattern`; `*` crosses every character.
    pub fn new(pattern: &str) -> Result<Self, BadPattern> {
        Self::compile(pattern, None)
    }

    /// Compiles `pattern`; `*` and `?` stop at `separator`, `**` does not.
    pub fn with_separator(pattern: &str, separator: char) -> Result<Self, BadPattern> {
        Self::compile(pattern, Some(separator))
    }

    fn compile(pattern: &str, separator: Option<char>) -> Result<Self, BadPattern> {
        let chars: Vec<char> = pattern.chars().collect();
        let bad = |reason| BadPattern { pattern: pattern.to_owned(), reason };
        let tokens = Parser { chars: &chars, at: 0 }.sequence(0).map_err(bad)?;
        Ok(Glob { tokens, separator })
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let mut reached = vec![false; chars.len() + 1];
        reached[0] = true;
        self.advance(&self.tokens, &chars, reached)[chars.len()]
    }

    /// The positions of `text` that can be reached from those in `from` by matching all `tokens`.
    fn advance(&self, tokens: &[Token], text: &[char], from: Vec<bool>) -> Vec<bool> {
        tokens.iter().fold(from, |reached, token| match token {
            Token::Literal(c) => step(text, &reached, |t| t == *c),
            Token::One => step(text, &reached, |t| Some(t) != self.separator),
            Token::Class { negated, class } => step(text, &reached, |t| class.contains(t) != *negated),
            Token::Any => spread(text, &reached, |t| Some(t) != self.separator),
            Token::Everything => spread(text, &reached, |_| true),
            Token::Choice(branches) => branches.iter().fold(vec![false; reached.len()], |mut union, branch| {
                let ends = self.advance(branch, text, reached.clone());
                union.iter_mut().zip(ends).for_each(|(all, end)| *all |= end);
                union
            }),
        })
    }
}

impl Class {
    fn contains(&self, c: char) -> bool {
        match self {
            Class::Range(low, high) => (*low..=*high).contains(&c),
            Class::Members(members) => members.contains(&c),
        }
    }
}

/// Positions one character further, over characters that pass.
fn step(text: &[char], reached: &[bool], passes: impl Fn(char) -> bool) -> Vec<bool> {
    let mut next = vec![false; reached.len()];
    for (at, c) in text.iter().enumerate() {
        next[at + 1] = reached[at] && passes(*c);
    }
    next
}

/// Positions any number of characters further, over characters that pass.
fn spread(text: &[char], reached: &[bool], passes: impl Fn(char) -> bool) -> Vec<bool> {
    let mut next = reached.to_vec();
    for (at, c) in text.iter().enumerate() {
        next[at + 1] |= next[at] && passes(*c);
    }
    next
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Tokens up to the end, or inside alternatives up to the next `,` or `}` (which stays).
    fn sequence(&mut self, depth: usize) -> Result<Vec<Token>, &'static str> {
        let mut tokens = Vec::new();
        while let Some(c) = self.peek() {
            if depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            self.at += 1;
            match c {
                '*' if self.take_if('*') => tokens.push(Token::Everything),
                '*' => tokens.push(Token::Any),
                '?' => tokens.push(Token::One),
                '[' => tokens.push(self.class()?),
                '{' => tokens.push(self.choice(depth + 1)?),
                '\\' => tokens.extend(self.take().map(Token::Literal)),
                c => tokens.push(Token::Literal(c)),
            }
        }
        Ok(tokens)
    }

    /// Alternatives; the end of the pattern closes what is still open, as the dialect does.
    fn choice(&mut self, depth: usize) -> Result<Token, &'static str> {
        if depth > MAX_DEPTH {
            return Err("alternatives nest too deep");
        }
        let mut branches = vec![self.sequence(depth)?];
        while self.take_if(',') {
            branches.push(self.sequence(depth)?);
        }
        self.take_if('}');
        Ok(Token::Choice(branches))
    }

    fn class(&mut self) -> Result<Token, &'static str> {
        let negated = self.take_if('!');
        let class = match (self.peek(), self.chars.get(self.at + 1)) {
            (Some(low), Some('-')) => {
                self.at += 2;
                let high = self.take().ok_or("a character class is not closed")?;
                if high < low {
                    return Err("a character range runs backwards");
                }
                Class::Range(low, high)
            }
            _ => Class::Members(self.members()),
        };
        if !self.take_if(']') {
            return Err("a character class is not closed, or mixes a range with more");
        }
        if class == Class::Members(Vec::new()) {
            return Err("a character class is empty");
        }
        Ok(Token::Class { negated, class })
    }

    fn members(&mut self) -> Vec<char> {
        let mut members = Vec::new();
        while let Some(c) = self.peek().filter(|c| *c != ']') {
            self.at += 1;
            members.extend(if c == '\\' { self.take() } else { Some(c) });
        }
        members
    }
}

#[cfg(test)]
mod tests;
