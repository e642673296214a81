//! Templates: `"${…}"`, heredocs, `%{if}` and `%{for}`. Pure.
//!
//! White space is handled on the level of HCL's tokens, as its own parser does: in heredocs and
//! template files every line is a token, `~` trims the one token beside it, and a flush heredoc
//! (`<<-`) counts the indentation of the tokens that begin a line.

use std::borrow::Cow;

use hcl_edit::expr::Expression;
use hcl_edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, StringTemplate, Strip, Template,
};
use hcl_edit::{Span as _, Spanned};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::config::convert::convert;
use crate::config::value::{Type, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};

use super::conditional::{Branch, choose};
use super::for_expr::{Items, Names, items};
use super::{Scope, evaluate, limits, refuse_secret, span_of};

/// Evaluates a quoted template.
pub(super) fn quoted(
    template: &StringTemplate,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let broken = |element: &Element| match element {
        Element::Literal(literal) if literal.contains('\n') => scope
            .text_of(literal.span())
            .is_some_and(|source| source.contains('\n')),
        _ => false,
    };
    if template.iter().any(broken) {
        return Err(line_break(expr, scope).into());
    }
    run(template, Layout::Quoted, span_of(expr, scope), scope)
}

/// Returns the error that a quoted text goes over the end of its line.
pub(super) fn line_break(expr: &Expression, scope: &Scope<'_>) -> Diagnostic {
    Diagnostic::error(
        "line-break-in-string",
        "A quoted text cannot go over several lines",
    )
    .hint("write \\n for a line break, or use a heredoc: <<EOT")
    .at(span_of(expr, scope))
}

/// Evaluates a heredoc.
pub(super) fn heredoc(
    heredoc: &HeredocTemplate,
    expr: &Expression,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    let flush = scope
        .text_of(expr.span())
        .is_some_and(|source| source.starts_with("<<-"));
    let layout = if flush { Layout::Flush } else { Layout::Lines };
    run(&heredoc.template, layout, span_of(expr, scope), scope)
}

/// Evaluates a template that stands alone, such as a template file's text.
pub fn evaluate_template(template: &Template, scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    run(template, Layout::Lines, scope.span(template.span()), scope)
}

/// How the texts between the markers are cut into tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Each text is one token.
    Quoted,
    /// Each line is one token.
    Lines,
    /// The same, and the common indentation is taken off.
    Flush,
}

fn run(
    template: &Template,
    layout: Layout,
    span: Option<Span>,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostics> {
    // A lone interpolation keeps its value's type.
    if let Some(Element::Interpolation(only)) = template.as_single_element() {
        return evaluate(&only.expr, scope);
    }
    let mut tokens = Tokens {
        found: Vec::new(),
        layout,
        trim_next: false,
    };
    tokens.collect(template, scope);
    if layout == Layout::Flush {
        flush(&mut tokens.found);
    }
    let parts = Parts {
        tokens: tokens.found.into_iter(),
    }
    .build(template);
    limits::check(render(&parts, scope)?, span)
}

/// The texts of a template, trimmed; `None` stands for a marker: `${…}` or `%{…}`.
struct Tokens<'a> {
    found: Vec<Option<Cow<'a, str>>>,
    layout: Layout,
    trim_next: bool,
}

impl<'a> Tokens<'a> {
    fn collect(&mut self, template: &'a Template, scope: &Scope<'a>) {
        for element in template {
            match element {
                Element::Literal(literal) => self.literal(literal, scope),
                Element::Interpolation(interpolation) => self.marker(interpolation.strip),
                Element::Directive(directive) => match &**directive {
                    Directive::If(directive) => {
                        self.marker(directive.if_expr.strip);
                        self.collect(&directive.if_expr.template, scope);
                        if let Some(otherwise) = &directive.else_expr {
                            self.marker(otherwise.strip);
                            self.collect(&otherwise.template, scope);
                        }
                        self.marker(directive.endif_expr.strip);
                    }
                    Directive::For(directive) => {
                        self.marker(directive.for_expr.strip);
                        self.collect(&directive.for_expr.template, scope);
                        self.marker(directive.endfor_expr.strip);
                    }
                },
            }
        }
    }

    fn literal(&mut self, literal: &'a Spanned<String>, scope: &Scope<'a>) {
        let text: Cow<'a, str> = match self.layout {
            // The parser has taken off what it holds for the indentation: start from the source.
            Layout::Flush => scope
                .text_of(literal.span())
                .map_or(Cow::Borrowed(literal.as_str()), unescape),
            _ => Cow::Borrowed(literal.as_str()),
        };
        if self.layout == Layout::Quoted {
            return self.push(text);
        }
        match text {
            Cow::Borrowed(text) => {
                text.split_inclusive('\n')
                    .for_each(|line| self.push(Cow::Borrowed(line)));
            }
            Cow::Owned(text) => {
                text.split_inclusive('\n')
                    .for_each(|line| self.push(Cow::Owned(line.to_owned())));
            }
        }
    }

    fn push(&mut self, text: Cow<'a, str>) {
        let text = if std::mem::take(&mut self.trim_next) {
            trim(text, str::trim_start)
        } else {
            text
        };
        self.found.push(Some(text));
    }

    fn marker(&mut self, strip: Strip) {
        if strip.strip_start()
            && let Some(Some(text)) = self.found.last_mut()
        {
            *text = trim(std::mem::take(text), str::trim_end);
        }
        self.found.push(None);
        self.trim_next = strip.strip_end();
    }
}

fn trim(text: Cow<'_, str>, trim: fn(&str) -> &str) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
        Cow::Owned(text) => Cow::Owned(trim(&text).to_owned()),
    }
}

fn unescape(source: &str) -> Cow<'_, str> {
    if source.contains("$${") || source.contains("%%{") {
        Cow::Owned(source.replace("$${", "${").replace("%%{", "%{"))
    } else {
        Cow::Borrowed(source)
    }
}

/// Takes the common indentation off the tokens that begin a line. Blank lines neither count nor change.
fn flush(tokens: &mut [Option<Cow<'_, str>>]) {
    let mut indent = usize::MAX;
    let mut begins_line = true;
    let mut starts = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if begins_line {
            begins_line = false;
            match token {
                Some(text) if text.trim_start().is_empty() && text.ends_with('\n') => {}
                Some(text) => {
                    let spaces = &text[..text.len() - text.trim_start().len()];
                    indent = indent.min(spaces.graphemes(true).count());
                    starts.push(index);
                }
                None => indent = 0,
            }
        }
        begins_line |= matches!(token, Some(text) if text.ends_with('\n'));
    }
    for index in starts {
        if let Some(text) = &mut tokens[index] {
            let cut = text.graphemes(true).take(indent).map(str::len).sum();
            *text = Cow::Owned(text[cut..].to_owned());
        }
    }
}

/// One part of a template, with its text as it is to be written.
enum Part<'a> {
    Text(Cow<'a, str>),
    Value(&'a Expression),
    If(&'a Expression, Vec<Part<'a>>, Vec<Part<'a>>),
    For(&'a ForDirective, Vec<Part<'a>>),
}

/// Puts the tokens back into the template's tree.
struct Parts<'a> {
    tokens: std::vec::IntoIter<Option<Cow<'a, str>>>,
}

impl<'a> Parts<'a> {
    fn build(&mut self, template: &'a Template) -> Vec<Part<'a>> {
        let mut parts = Vec::with_capacity(template.len());
        for element in template {
            match element {
                Element::Literal(_) => self.texts(&mut parts),
                Element::Interpolation(interpolation) => {
                    self.marker();
                    parts.push(Part::Value(&interpolation.expr));
                }
                Element::Directive(directive) => parts.push(self.directive(directive)),
            }
        }
        parts
    }

    fn texts(&mut self, parts: &mut Vec<Part<'a>>) {
        while let Some(Some(text)) = self.tokens.as_slice().first() {
            // Markers stay for whoever comes next.
            if !text.is_empty() {
                parts.push(Part::Text(text.clone()));
            }
            self.marker();
        }
    }

    fn marker(&mut self) {
        self.tokens.next();
    }

    fn directive(&mut self, directive: &'a Directive) -> Part<'a> {
        self.marker();
        match directive {
            Directive::If(directive) => {
                let yes = self.build(&directive.if_expr.template);
                let no = match &directive.else_expr {
                    Some(otherwise) => {
                        self.marker();
                        self.build(&otherwise.template)
                    }
                    None => Vec::new(),
                };
                self.marker();
                Part::If(&directive.if_expr.cond_expr, yes, no)
            }
            Directive::For(directive) => {
                let body = self.build(&directive.for_expr.template);
                self.marker();
                Part::For(directive, body)
            }
        }
    }
}

/// Writes the parts into one text; unknown where one of them is.
fn render(parts: &[Part<'_>], scope: &Scope<'_>) -> Result<Value, Diagnostics> {
    let mut output = Output {
        text: String::new(),
        known: true,
        sensitive: false,
        diagnostics: Diagnostics::new(),
    };
    for part in parts {
        output.part(part, scope);
    }
    if output.diagnostics.has_errors() {
        return Err(output.diagnostics);
    }
    let value = if output.known {
        Value::from(output.text)
    } else {
        Value::Unknown(Type::String)
    };
    Ok(value.mark(output.sensitive))
}

struct Output {
    text: String,
    known: bool,
    sensitive: bool,
    diagnostics: Diagnostics,
}

impl Output {
    fn part(&mut self, part: &Part<'_>, scope: &Scope<'_>) {
        let (result, span) = match part {
            Part::Text(text) => return self.text.push_str(text),
            Part::Value(expr) => (evaluate(expr, scope), span_of(expr, scope)),
            Part::If(condition, yes, no) => {
                let span = span_of(condition, scope);
                let branch = |parts| Branch::new(render(parts, scope), span.clone());
                let result = choose(
                    evaluate(condition, scope),
                    span.as_ref(),
                    branch(yes),
                    branch(no),
                );
                (result, span)
            }
            Part::For(directive, body) => {
                if let Err(errors) = self.repeat(directive, body, scope) {
                    self.diagnostics.extend(errors);
                }
                return;
            }
        };
        if let Some(value) = self.diagnostics.take(result)
            && let Err(error) = self.value(value, span.as_ref())
        {
            self.diagnostics.extend(error);
        }
    }

    fn value(&mut self, value: Value, span: Option<&Span>) -> Result<(), Diagnostics> {
        if let Some(error) = refuse_secret(&value, "A template", span.cloned()) {
            return Err(error.into());
        }
        let (value, sensitive) = value.unmark();
        self.sensitive |= sensitive;
        let invalid = |detail: String| {
            Diagnostic::error("invalid-interpolation", "The value cannot stand in a text")
                .detail(detail)
                .at(span.cloned())
        };
        if value.is_null() {
            return Err(invalid("It is null.".into()).into());
        }
        match convert(value, &Type::String) {
            Ok(Value::String(text)) if self.text.len() + text.len() > limits::TEXT => Err(invalid(
                format!("The text becomes longer than {} bytes.", limits::TEXT),
            )
            .into()),
            Ok(Value::String(text)) => {
                self.text.push_str(&text);
                Ok(())
            }
            Ok(_) => {
                self.known = false;
                Ok(())
            }
            Err(error) => Err(invalid(format!("Here {error}.")).into()),
        }
    }

    fn repeat(
        &mut self,
        directive: &ForDirective,
        body: &[Part<'_>],
        scope: &Scope<'_>,
    ) -> Result<(), Diagnostics> {
        let head = &directive.for_expr;
        let span = span_of(&head.collection_expr, scope);
        let (collection, sensitive) = evaluate(&head.collection_expr, scope)?.unmark();
        self.sensitive |= sensitive;
        let Items::Known(items) = items(&collection, span.clone())? else {
            self.known = false;
            return Ok(());
        };
        let names = Names {
            key: head.key_var.as_ref().map(|name| name.as_str()),
            value: head.value_var.as_str(),
        };
        for item in items {
            let text = names.bind(item, scope, |scope| render(body, scope))?;
            self.value(text, span.as_ref())?;
        }
        Ok(())
    }
}
