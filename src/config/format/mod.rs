//! HCL text → the same program in the canonical layout, which is that of `terraform fmt`. Pure.
//!
//! A text is parsed, so that nothing which is not understood is touched; then its tokens are
//! rewritten in a few places ([`rewrite`]) and all blanks between them are set anew ([`layout`]).
//!
//! The result is what Terraform 1.11 writes, byte for byte, except where that is not the same
//! program any more: a label with a `$` in it is kept, and an interpolation over several lines gets
//! the parentheses that it needs.

mod layout;
mod rewrite;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::syntax;
use super::token::{Token, tokens};

/// Returns the text in the canonical layout. `file` names it in messages.
///
/// # Errors
///
/// The first mistake in the syntax.
pub fn format(text: &str, file: &str) -> Result<String, Diagnostics> {
    syntax::parse(text).map_err(|error| {
        Diagnostic::error("syntax", "Invalid syntax")
            .detail(format!("{}.", error.message))
            .at(Span::new(file, error.offset..error.offset + 1))
    })?;
    let tokens = tokens(text);
    let mut pieces = rewrite::rewrite(&tokens);
    layout::lay_out(&mut pieces);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for piece in &pieces {
        out.extend(std::iter::repeat_n(' ', piece.spaces));
        out.push_str(&piece.text);
    }
    // Blanks at the very end stay. Each of their bytes, those of a byte order mark too, is a space.
    let end = tokens.last().map_or(0, Token::end);
    out.extend(std::iter::repeat_n(' ', text.len() - end));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use crate::config::token::TokenKind;
    use crate::diagnostic::SourceMap;

    use super::*;

    fn formatted(text: &str) -> String {
        format(text, "main.hcl").unwrap_or_else(|diagnostics| refused(text, diagnostics))
    }

    fn refused(text: &str, diagnostics: Diagnostics) -> String {
        let mut sources = SourceMap::default();
        sources.insert("main.hcl", text);
        sources.attach(diagnostics).render()
    }

    #[test]
    fn neighbouring_lines_share_their_columns() {
        assert_snapshot!(formatted(
            "topic   orders {\npartitions=12 # many\n\treplication_factor    =   3 // few\n\nconfig={\n\"retention.ms\"=duration_ms( \"7d\" )\ncleanup : \"delete\",}\n  lifecycle{prevent_destroy=true}\n}"
        ), @r#"
        topic "orders" {
          partitions         = 12 # many
          replication_factor = 3  // few

          config = {
            "retention.ms" = duration_ms("7d")
          cleanup : "delete", }
          lifecycle { prevent_destroy = true }
        }
        "#);
    }

    #[test]
    fn brackets_indent_by_line_however_many_open() {
        assert_snapshot!(formatted(
            "a = f([{\nb = [\n1,2,\n]\n}])\nc = (\n1 +\n-2\n)\n"
        ), @r"
        a = f([{
          b = [
            1, 2,
          ]
        }])
        c = (
          1 +
          -2
        )
        ");
    }

    #[test]
    fn operators_and_brackets_have_their_spaces() {
        assert_snapshot!(formatted(
            "a=[ - 1,!  b,c-1,c - -d ,e [ 0 ] . f[*],g ( h... ),{ for k ,v in[1]:k=>- v if v>2 },{},{i=1}]\nb=x?y:z\nc=p :: q(1)\nd=\"${  { } }${-1}%{ if a  }b%{endif}\"\n"
        ), @r#"
        a = [-1, !b, c-1, c - -d, e[0].f[*], g(h...), { for k, v in [1] : k => - v if v > 2 }, {}, { i = 1 }]
        b = x ? y : z
        c = p::q(1)
        d = "${ {} }${- 1}%{if a}b%{endif}"
        "#);
    }

    #[test]
    fn a_heredoc_keeps_its_text_and_its_marker() {
        assert_snapshot!(formatted(
            "a   =   <<-SQL\n   SELECT   ${ b  }  -- # no comment\n     SQL\nbb = 1\n"
        ), @r"
        a  = <<-SQL
           SELECT   ${b}  -- # no comment
             SQL
        bb = 1
        ");
    }

    #[test]
    fn a_value_that_is_one_interpolation_is_unwrapped() {
        let cases = [
            ("a = \"${ b }\"", "a = b"),
            ("a = \"${~ f(\"${b}-c\") ~}\"", "a = f(\"${b}-c\")"),
            ("a = \"${b}${c}\"", "a = \"${b}${c}\""),
            ("a = \"${b} \"", "a = \"${b} \""),
            ("a = [\"${b}\"]", "a = [\"${b}\"]"),
            ("a = \"${\nb ?\nc : d\n}\"", "a = (b ?\nc : d)"),
            ("a = \"${(\nb\n)}\"", "a = (\n  b\n)"),
            // One level a run, as in Terraform.
            ("a = \"${\"${b}\"}\"", "a = \"${b}\""),
        ];
        for (source, expected) in cases {
            assert_eq!(formatted(source), expected);
        }
    }

    #[test]
    fn what_terraform_would_break_stays_whole() {
        let cases = [
            ("a = \"${(b)\n+(c)}\"", "a = ((b)\n+ (c))"),
            ("a = \"${b // c\n+d}\"", "a = (b // c\n+ d)"),
            ("a \"b$c\" {}", "a \"b$c\" {}"),
            ("a = b[true]", "a = b[true]"),
        ];
        for (source, expected) in cases {
            assert_eq!(formatted(source), expected);
        }
    }

    #[test]
    fn labels_are_quoted_and_escaped_alike() {
        assert_eq!(
            formatted(r#"a b /* gone */ "\u00e9\u200b\t\"" /* kept */ {}"#),
            r#"a "b" "é\u200b\t\"" /* kept */ {}"#
        );
    }

    #[test]
    fn comments_stay() {
        let source = "# 1\n/* 2 */ a /* 3 */ = /* 4 */ [ // 5\n# 6\n/* 7 */ 1, # 8\n] /* 9 */ # 10\n\
            b \"c\" /* 11 */ { # 12\n/* 13\n   13 */\n} // 14\nd = \"${ /* 15 */ e }\" # 16\n# 17";
        let comments = |text: &str| -> Vec<String> {
            let all = tokens(text).into_iter();
            all.filter(|token| token.kind == TokenKind::Comment)
                .map(|token| token.text.to_owned())
                .collect()
        };
        assert_eq!(comments(source).len(), 17);
        assert_eq!(comments(&formatted(source)), comments(source));
    }

    #[test]
    fn types_of_variables_take_todays_form() {
        let ty = |source: &str| formatted(&format!("variable \"v\" {{\n  type = {source}\n}}\n"));
        let expected = |ty: &str| format!("variable \"v\" {{\n  type = {ty}\n}}\n");
        let cases = [
            ("\"string\"", "string"),
            ("\"list\"", "list(string)"),
            ("\"map\"", "map(string)"),
            ("list", "list(any)"),
            ("set", "set(any)"),
            ("\"number\"", "\"number\""),
            ("\"${list}\"", "\"${list}\""),
        ];
        for (source, wanted) in cases {
            assert_eq!(ty(source), expected(wanted));
        }
        assert_eq!(
            formatted("output \"v\" {\n  type = list\n}"),
            "output \"v\" {\n  type = list\n}"
        );
    }

    #[test]
    fn columns_are_grapheme_clusters() {
        // A letter with its accent, two ideographs, a family, a conjunct (two before Unicode 15.1).
        let texts = ["e\u{301}", "日本", "👩\u{200d}👩\u{200d}👧", "क\u{94d}ष"];
        let lines = |blanks: [&str; 4]| {
            let pairs = texts.iter().zip(blanks);
            let line = |(text, blanks): (&&str, &str)| {
                format!("n{:02} = \"{text}\"{blanks}# x\n", text.len())
            };
            pairs.map(line).collect::<Vec<_>>().concat()
        };
        assert_eq!(formatted(&lines([""; 4])), lines(["  ", " ", "  ", " "]));
    }

    #[test]
    fn line_ends_and_blanks_at_the_end_stay() {
        assert_eq!(
            formatted("a=1 #x\r\nbb=<<E\r\n x\r\nE\r\n"),
            "a  = 1 #x\r\nbb = <<E\r\n x\r\nE\r\n"
        );
        assert_eq!(formatted("\u{feff}  a=1\n \t"), "a = 1\n  ");
        assert_eq!(formatted(""), "");
        assert_eq!(formatted("a=1\n\n\n\n   \nb=1"), "a = 1\n\n\n\n\nb = 1");
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        assert_snapshot!(formatted("\u{feff}a = 1\r\nb = = 2\r\n"), @r#"
        Error: Invalid syntax
         --> main.hcl:2:5
          |
        2 | b = = 2
          |     ^
          invalid expression; expected `"`, `[`, `{`, `-`, `!`, `(`, `_`, `<`, letter or digit.
        "#);
        assert_snapshot!(formatted("a = \"b\nc\"\n"), @r#"
        Error: Invalid syntax
         --> main.hcl:1:7
          |
        1 | a = "b
          |       ^
          a text in quotes ends on its line.
        "#);
        assert_snapshot!(formatted("a {\n  b = 1\n"), @r#"
        Error: Invalid syntax
         --> main.hcl:2:8
          |
        2 |   b = 1
          |        ^
          invalid block body; expected `}`, newline or identifier.
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_formatted_or_refused(text in r#"(a|b |"|[ \n"${}%~<#/*0-9.,=\[\]()?:!-]|<<E\n|\nE\n|\r\n|for |in |é){0,40}"#) {
            if let Ok(once) = format(&text, "main.hcl") {
                prop_assert!(format(&once, "main.hcl").is_ok());
            }
        }
    }
}
