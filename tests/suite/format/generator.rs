//! Writes valid HCL in the ugliest layouts: every construct of the syntax, with blanks, line ends
//! and comments wherever they may stand.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Returns the document of a seed.
pub(crate) fn document(seed: u64) -> String {
    let mut generator = Generator {
        random: StdRng::seed_from_u64(seed),
        out: String::new(),
        names: 0,
    };
    if generator.chance(5) {
        generator.put("\u{feff}");
    }
    generator.body(0);
    if generator.chance(20) {
        generator.blank();
    }
    if generator.chance(10) {
        return generator.out.replace('\n', "\r\n");
    }
    generator.out
}

struct Generator {
    random: StdRng,
    out: String,
    /// How many attributes there are: their names must not repeat.
    names: usize,
}

const WORDS: &[&str] = &[
    "a",
    "in",
    "for",
    "name",
    "größe",
    "long-name",
    "x_1",
    "名前",
    "if",
    "list",
    "string",
    "type",
];
const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "42",
    "3.14",
    "1e10",
    "2.5E-3",
    "12345678901234567890",
];
const TEXTS: &[&str] = &[
    "",
    "x",
    " two words ",
    "\\n\\t\\\"\\\\",
    "é",
    "日本",
    "e\u{301}",
    "👩‍👩‍👧",
    "क्ष",
    "$",
    "$$",
    "100%",
    "$${x}",
    "%%{if}",
    "\\u00e9",
    "{",
    "}",
    "# no comment",
    "/* nor this */",
    "//",
    "<<EOT",
    "$é",
    "%",
];
const COMMENTS: &[&str] = &[
    "",
    " word",
    " é \"quoted\" ${x}",
    "# # #",
    " } ] )",
    "\ttab  ",
    " = 1",
];

impl Generator {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    fn below(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices
            .choose(&mut self.random)
            .copied()
            .unwrap_or_default()
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Perhaps blanks, perhaps a comment inside the line.
    fn gap(&mut self) {
        match self.below(12) {
            0..6 => {}
            6..9 => self.put(" "),
            9 => self.blank(),
            10 => self.put("\t"),
            _ if self.chance(30) => {
                let comment = self.one_of(COMMENTS).replace("*/", "");
                self.put(&format!(" /*{comment}*/ "));
            }
            _ => self.put("  "),
        }
    }

    fn blank(&mut self) {
        let blank = self.one_of(&[" ", "    ", "\t", " \t ", "          "]);
        self.put(blank);
    }

    /// A gap with at least one blank, between two words.
    fn space(&mut self) {
        self.put(" ");
        self.gap();
    }

    /// A gap inside brackets, where lines may end.
    fn wide_gap(&mut self) {
        self.gap();
        match self.below(14) {
            0 | 1 => self.line_end(),
            2 => {
                self.line_end();
                self.line_end();
            }
            _ => {}
        }
        self.gap();
    }

    /// A line's end, perhaps behind a comment.
    fn line_end(&mut self) {
        self.gap();
        if self.chance(25) {
            let comment = self.one_of(COMMENTS);
            let sign = self.one_of(&["#", "//", " # ", "  //"]);
            self.put(&format!("{sign}{comment}"));
        } else if self.chance(20) {
            self.blank();
        }
        self.put("\n");
    }

    fn word(&mut self) {
        let word = self.one_of(WORDS);
        self.put(word);
    }

    /// A name that this document does not use yet.
    fn fresh_name(&mut self) {
        self.names += 1;
        let word = self.one_of(WORDS);
        let name = format!("{word}{}", self.names);
        self.put(&name);
    }

    fn body(&mut self, depth: usize) {
        for _ in 0..self.below(7) {
            match self.below(10) {
                0..5 => self.attribute(depth),
                5..7 if depth < 4 => self.block(depth),
                7 => self.variable(),
                8 => self.line_end(),
                _ => {
                    self.gap();
                    self.put("/* over\n     lines */");
                    self.line_end();
                }
            }
        }
    }

    fn attribute(&mut self, depth: usize) {
        self.gap();
        self.fresh_name();
        self.gap();
        self.put("=");
        self.gap();
        if self.chance(10) {
            self.heredoc(depth + 1);
            return;
        }
        self.expression(depth, false);
        self.line_end();
    }

    fn variable(&mut self) {
        self.gap();
        self.put("variable");
        self.space();
        self.label();
        self.gap();
        self.put("{");
        self.line_end();
        self.put("type=");
        let ty = self.one_of(&[
            "string",
            "list",
            "map",
            "set",
            "any",
            "\"string\"",
            "\"list\"",
            "\"map\"",
            "\"any\"",
            "list(string)",
            "object({a=string,b = number})",
            "\"${string}\"",
            "\"\"",
        ]);
        self.put(ty);
        self.line_end();
        self.put("}");
        self.line_end();
    }

    fn label(&mut self) {
        if self.chance(30) {
            return self.word();
        }
        let label = self.one_of(&[
            "a",
            "",
            "two words",
            "é\u{301}",
            "\\u00e9\\\"\\\\",
            "\\u200b",
            "日本\u{a0}",
            "\\n\\t",
            "x-1",
        ]);
        self.put(&format!("\"{label}\""));
    }

    fn block(&mut self, depth: usize) {
        self.gap();
        self.word();
        for _ in 0..self.below(3) {
            self.space();
            self.label();
        }
        self.gap();
        self.put("{");
        match self.below(5) {
            0 => self.gap(),
            1 => {
                self.gap();
                self.fresh_name();
                self.gap();
                self.put("=");
                self.gap();
                self.expression(depth + 1, false);
                self.gap();
            }
            _ => {
                self.line_end();
                self.body(depth + 1);
                self.gap();
            }
        }
        self.put("}");
        self.line_end();
    }

    /// An expression; in `wide` ones lines may end between the tokens.
    fn expression(&mut self, depth: usize, wide: bool) {
        let simple = depth > 5;
        match self.below(if simple { 5 } else { 17 }) {
            0 => {
                let number = self.one_of(NUMBERS);
                self.put(number);
            }
            1 => {
                let constant = self.one_of(&["true", "false", "null"]);
                self.put(constant);
            }
            2 => self.template(depth),
            3 | 4 => self.traversal(depth),
            5 => self.call(depth),
            6 => self.enclosed("(", ")", |g| g.expression(depth + 1, true)),
            7 => {
                let sign = self.one_of(&["-", "!"]);
                self.put(sign);
                self.between(wide);
                self.operand(depth + 1);
            }
            8..10 => {
                self.operand(depth + 1);
                self.between(wide);
                let operator = self.one_of(OPERATORS);
                // A name takes a dash that follows it; a slash begins a comment with a second one.
                self.put(&format!(" {operator} "));
                self.between(wide);
                self.operand(depth + 1);
            }
            10 => {
                self.operand(depth + 1);
                self.between(wide);
                self.put("?");
                self.between(wide);
                self.expression(depth + 1, wide);
                self.between(wide);
                self.put(":");
                self.between(wide);
                self.expression(depth + 1, wide);
            }
            11 | 12 => self.tuple(depth),
            13 | 14 => self.object(depth),
            15 => self.for_tuple(depth),
            _ => self.for_object(depth),
        }
    }

    fn between(&mut self, wide: bool) {
        if wide {
            self.wide_gap();
        } else {
            self.gap();
        }
    }

    /// What can stand beside an operator without parentheses.
    fn operand(&mut self, depth: usize) {
        match self.below(6) {
            0 => {
                let number = self.one_of(NUMBERS);
                self.put(number);
            }
            1 => self.template(depth),
            2 => self.call(depth),
            3 => self.enclosed("(", ")", |g| g.expression(depth + 1, true)),
            _ => self.traversal(depth),
        }
    }

    fn enclosed(&mut self, open: &str, close: &str, inside: impl FnOnce(&mut Self)) {
        self.put(open);
        self.wide_gap();
        inside(self);
        self.wide_gap();
        self.put(close);
    }

    fn traversal(&mut self, depth: usize) {
        let root = self.one_of(&["a", "in", "größe", "long-name", "名前", "each"]);
        self.put(root);
        for _ in 0..self.below(4) {
            match self.below(7) {
                0..3 => {
                    self.put(".");
                    self.word();
                }
                3 => {
                    let index = self.one_of(&["[0]", "[ 1 ]", "[\"k\"]", "[ \"k\"]", ".0.x"]);
                    self.put(index);
                }
                // Terraform's formatter loses a `true`, `false` or `null` between brackets.
                4 if depth < 5 => self.enclosed("[", "]", |g| g.operand(depth + 2)),
                _ => {}
            }
        }
        if self.chance(15) {
            let splat = self.one_of(&["[*]", "[ * ]", ".*", ".*.a", "[*].a[0]"]);
            self.put(splat);
        }
    }

    fn call(&mut self, depth: usize) {
        let name = self.one_of(&["f", "max", "provider::x::f", "in"]);
        self.put(name);
        self.put("(");
        self.wide_gap();
        let count = self.below(4);
        for argument in 0..count {
            if argument > 0 {
                self.put(",");
                self.wide_gap();
            }
            self.expression(depth + 1, true);
            self.wide_gap();
        }
        if count > 0 && self.chance(30) {
            let end = self.one_of(&[",", "...", " ..."]);
            self.put(end);
            self.wide_gap();
        }
        self.put(")");
    }

    fn tuple(&mut self, depth: usize) {
        self.put("[");
        self.wide_gap();
        let count = self.below(5);
        for element in 0..count {
            if element > 0 {
                self.put(",");
                self.wide_gap();
            }
            if self.chance(4) {
                self.heredoc(depth + 1);
            } else {
                self.expression(depth + 1, true);
            }
            self.wide_gap();
        }
        if count > 0 && self.chance(30) {
            self.put(",");
            self.wide_gap();
        }
        self.put("]");
    }

    fn object(&mut self, depth: usize) {
        self.put("{");
        self.wide_gap();
        let count = self.below(5);
        for item in 0..count {
            self.key(depth);
            self.gap();
            let sign = self.one_of(&["=", "=", ":"]);
            self.put(sign);
            self.gap();
            if self.chance(5) {
                self.heredoc(depth + 1);
                continue;
            }
            self.expression(depth + 1, false);
            self.gap();
            let last = item + 1 == count;
            match self.below(3) {
                0 if !last => self.put(","),
                1 => {
                    self.put(",");
                    self.line_end();
                }
                _ if !last => self.line_end(),
                _ => {}
            }
            self.wide_gap();
        }
        self.put("}");
    }

    fn key(&mut self, depth: usize) {
        match self.below(6) {
            0..3 => self.fresh_name(),
            3 => {
                self.names += 1;
                let names = self.names;
                let quote = self.one_of(&["", "\""]);
                self.put(&format!("{quote}{names}{quote}"));
            }
            4 => self.enclosed("(", ")", |g| g.expression(depth + 2, true)),
            _ => {
                let names = self.names;
                self.names += 1;
                self.put(&format!("\"é.{names}${{"));
                self.expression(depth + 2, true);
                self.put("}\"");
            }
        }
    }

    fn for_intro(&mut self, depth: usize) {
        self.put("for");
        self.space();
        self.put("k");
        if self.chance(50) {
            self.gap();
            self.put(",");
            self.gap();
            self.put("v");
        }
        self.space();
        self.put("in");
        self.space();
        self.expression(depth + 1, true);
        self.wide_gap();
        self.put(":");
        self.wide_gap();
    }

    fn for_condition(&mut self, depth: usize) {
        if self.chance(40) {
            self.put(" ");
            self.wide_gap();
            self.put("if ");
            self.wide_gap();
            self.expression(depth + 1, true);
        }
    }

    fn for_tuple(&mut self, depth: usize) {
        self.enclosed("[", "]", |g| {
            g.for_intro(depth);
            g.expression(depth + 1, true);
            g.for_condition(depth);
        });
    }

    fn for_object(&mut self, depth: usize) {
        self.enclosed("{", "}", |g| {
            g.for_intro(depth);
            g.expression(depth + 1, true);
            g.wide_gap();
            g.put("=>");
            g.wide_gap();
            g.expression(depth + 1, true);
            if g.chance(20) {
                g.wide_gap();
                g.put("...");
            }
            g.for_condition(depth);
        });
    }

    /// A template in quotes.
    fn template(&mut self, depth: usize) {
        self.put("\"");
        if self.chance(15) && depth < 5 {
            self.interpolation(depth);
        } else {
            for _ in 0..self.below(4) {
                match self.below(6) {
                    0 if depth < 5 => self.interpolation(depth),
                    1 if depth < 4 => self.directive(depth),
                    _ => self.text(),
                }
            }
        }
        self.put("\"");
    }

    /// Text that does not make an opening or an escape of what follows it.
    fn text(&mut self) {
        let text = self.one_of(TEXTS);
        self.put(text);
        if text.ends_with(['$', '%']) {
            self.put(".");
        }
    }

    fn interpolation(&mut self, depth: usize) {
        let open = self.one_of(&["${", "${", "${~"]);
        let close = self.one_of(&["}", "}", "~}"]);
        self.put(open);
        self.between_in_template();
        let start = self.out.len();
        self.expression(depth + 1, true);
        // One run of Terraform's formatter unwraps one level of `"${"${x}"}"`.
        if self.out[start..].starts_with("\"${") {
            self.out.truncate(start);
            self.traversal(depth);
        }
        self.between_in_template();
        self.put(close);
    }

    fn between_in_template(&mut self) {
        if self.chance(10) {
            self.put("\n");
        }
        self.gap();
    }

    fn directive(&mut self, depth: usize) {
        if self.chance(50) {
            self.put("%{ if ");
            self.expression(depth + 1, true);
            self.put(" }");
            self.text();
            if self.chance(50) {
                self.put("%{else}");
                self.text();
            }
            self.put("%{~endif ~}");
        } else {
            self.put("%{for x,  y  in ");
            self.expression(depth + 1, true);
            self.put("}");
            self.interpolation(depth + 1);
            self.put("%{ endfor }");
        }
    }

    /// A heredoc with its line's end.
    fn heredoc(&mut self, depth: usize) {
        let marker = self.one_of(&["EOT", "E", "END_1"]);
        let open = self.one_of(&["<<", "<<-"]);
        self.put(&format!("{open}{marker}\n"));
        for _ in 0..self.below(4) {
            let indentation = self.one_of(&["", "  ", "\t", "      "]);
            self.put(indentation);
            match self.below(5) {
                0 if depth < 5 => self.interpolation(depth),
                1 if depth < 4 => self.directive(depth),
                2 => {}
                _ => {
                    self.text();
                    let quote = self.one_of(&["", "\"", " # x", "\\"]);
                    self.put(quote);
                }
            }
            self.put("\n");
        }
        let indentation = self.one_of(&["", "  ", "\t"]);
        self.put(&format!("{indentation}{marker}\n"));
    }
}
