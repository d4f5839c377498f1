//! One ignore rule: its parts, and whether a path matches.

use std::sync::Arc;

/// A rule. Paths are matched from the directory of the rule on, with a slash in front.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) text: Arc<str>,
    pub(super) negated: bool,
    directories_only: bool,
    /// Whether only the last part of a path counts, wherever it lies.
    anywhere: bool,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    Char(char),
    /// Any character but a slash.
    One,
    /// Any number of characters but slashes.
    Some,
    /// Any number of characters.
    All,
    /// Whole directories, or none, up to a slash.
    Directories,
    Class {
        items: Vec<Item>,
        negated: bool,
    },
}

/// Whether a character is a member of a class.
type Test = fn(char) -> bool;

#[derive(Clone, Debug)]
enum Item {
    Range(char, char),
    Named(Test),
}

impl Pattern {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(rule: &str) -> Result<Pattern, String> {
        let blank_is_meant = rule.len() <= 2 || rule.ends_with("\\ ");
        let trimmed = if blank_is_meant { rule.trim_start() } else { rule.trim() };
        let (negated, body) = trimmed.strip_prefix('!').map_or((false, trimmed), |body| (true, body));
        let (directories_only, body) = body.strip_suffix('/').map_or((false, body), |body| (true, body));
        let anywhere = !body.contains('/') && !body.is_empty() && body != "**";
        let rooted = if anywhere || body.starts_with('/') || body == "**" { None } else { Some(Token::Char('/')) };
        let mut scan = Scan { chars: body.chars().collect(), at: 0 };
        let mut tokens: Vec<Token> = rooted.into_iter().collect();
        while let Some(char) = scan.next() {
            let token = scan.token(char).map_err(|reason| format!("rule {rule:?}: {reason}"))?;
            tokens.push(token);
        }
        Ok(Pattern { text: rule.into(), negated, directories_only, anywhere, tokens })
    }

    /// Whether `path` is what the rule names, without regard to its negation.
    pub(super) fn matches(&self, path: &[char], is_directory: bool) -> bool {
        if self.directories_only && !is_directory {
            return false;
        }
        let text = match self.anywhere {
            true => path.rsplit(|char| *char == '/').next().unwrap_or_default(),
            false => path,
        };
        let mut ends = vec![false; text.len() + 1]; // ends[i]: the tokens so far match the first i characters
        ends[0] = true;
        for token in &self.tokens {
            if !token.step(text, &mut ends) {
                return false;
            }
        }
        ends[text.len()]
    }
}

impl Token {
    /// Moves on the ends of matches by one token; false if none is left.
    fn step(&self, text: &[char], ends: &mut [bool]) -> bool {
        let mut before = ends[0];
        let mut run = ends[0];
        let mut left = false;
        ends[0] &= matches!(self, Token::Some | Token::All | Token::Directories);
        left |= ends[0];
        for (char, end) in text.iter().zip(&mut ends[1..]) {
            let here = *end;
            *end = match self {
                Token::Some => here || (run && *char != '/'),
                Token::All => here || run,
                Token::Directories => here || (run && *char == '/'),
                single => before && single.takes(*char),
            };
            run = match self {
                Token::Directories => run || here,
                _ => *end,
            };
            before = here;
            left |= *end;
        }
        left
    }

    fn takes(&self, char: char) -> bool {
        match self {
            Token::Char(wanted) => char == *wanted,
            Token::Class { items, negated } => char != '/' && items.iter().any(|item| item.takes(char)) != *negated,
            _ => char != '/',
        }
    }
}

impl Item {
    fn takes(&self, char: char) -> bool {
        match self {
            Item::Range(first, last) => (*first..=*last).contains(&char),
            Item::Named(test) => test(char),
        }
    }
}

struct Scan {
    chars: Vec<char>,
    at: usize,
}

impl Scan {
    fn next(&mut self) -> Option<char> {
        let char = self.peek(0)?;
        self.at += 1;
        Some(char)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn escaped(&mut self) -> Result<char, &'static str> {
        self.next().ok_or("a backslash at its end escapes nothing")
    }

    fn token(&mut self, char: char) -> Result<Token, &'static str> {
        Ok(match char {
            '\\' => Token::Char(self.escaped()?),
            '?' => Token::One,
            '*' => self.stars(),
            '[' => self.class()?,
            other => Token::Char(other),
        })
    }

    /// Two stars stand for directories only where they are a part of the path of their own.
    fn stars(&mut self) -> Token {
        let first = self.at - 1;
        while self.peek(0) == Some('*') {
            self.at += 1;
        }
        let before = first.checked_sub(1).map(|at| self.chars[at]); // `at` was read before
        match (self.at - first, before, self.peek(0)) {
            (1, ..) => Token::Some,
            (_, None | Some('/'), Some('/')) => {
                self.at += 1;
                Token::Directories
            }
            (_, None | Some('/'), None) => Token::All,
            _ => Token::Some,
        }
    }

    fn class(&mut self) -> Result<Token, &'static str> {
        const OPEN: &str = "its class has no end";
        let negated = self.peek(0) == Some('!');
        self.at += usize::from(negated);
        let mut items = Vec::new();
        loop {
            let first = match self.next().ok_or(OPEN)? {
                ']' => return Ok(Token::Class { items, negated }),
                '[' if self.peek(0) == Some(':') => match self.named()? {
                    Some(test) => {
                        items.push(Item::Named(test));
                        continue;
                    }
                    None => '[',
                },
                '\\' => self.escaped()?,
                other => other,
            };
            let range = self.peek(0) == Some('-') && self.peek(1).is_some_and(|next| next != ']');
            let last = match range {
                true => {
                    self.at += 1;
                    match self.next().ok_or(OPEN)? {
                        '\\' => self.escaped()?,
                        other => other,
                    }
                }
                false => first,
            };
            items.push(Item::Range(first, last));
        }
    }

    /// A class such as `[:digit:]`, behind its bracket; none if it is just a bracket and a colon.
    fn named(&mut self) -> Result<Option<Test>, &'static str> {
        let rest = &self.chars[self.at..]; // `at` is the place of the colon
        let end = rest.iter().position(|char| *char == ']').ok_or("its class has no end")?;
        if end < 2 || rest[end - 1] != ':' {
            return Ok(None);
        }
        let name = rest[1..end - 1].iter().collect::<String>().to_lowercase();
        let (_, test) = CLASSES.iter().find(|(known, _)| *known == name).ok_or("no class has that name")?;
        self.at += end + 1;
        Ok(Some(*test))
    }
}

/// Classes hold the letters of all scripts, as Kopia's do.
const CLASSES: [(&str, Test); 13] = [
    ("alnum", |c| c.is_alphanumeric()),
    ("alpha", |c| c.is_alphabetic()),
    ("ascii", |c| c.is_ascii()),
    ("blank", |c| c == '\t' || (c.is_whitespace() && !c.is_control())),
    ("cntrl", |c| c.is_control()),
    ("digit", |c| c.is_numeric()),
    ("graph", |c| !c.is_control()),
    ("lower", |c| c.is_lowercase()),
    ("print", |c| !c.is_control() && (c == ' ' || !c.is_whitespace())),
    ("punct", |c| {
        c.is_ascii_punctuation() || !(c.is_ascii() || c.is_alphanumeric() || c.is_whitespace() || c.is_control())
    }),
    ("space", |c| c.is_whitespace()),
    ("upper", |c| c.is_uppercase()),
    ("xdigit", |c| c.is_ascii_hexdigit() || c.is_numeric()),
];
