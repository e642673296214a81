//! The rules that a mismatch may break: their names for programs, and what to do instead. Pure.
//!
//! The names follow the differences that Confluent's registry reports (`PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL`
//! and the like), so that who knows one knows the other.

use crate::compatibility::Direction;

/// A rule of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    NothingAccepted,
    WholeSchemaTrue,
    TypeChanged,
    TypeNarrowed,
    EnumAdded,
    EnumNarrowed,
    ValueRefused,
    MinimumAdded,
    MinimumIncreased,
    MaximumAdded,
    MaximumDecreased,
    MultipleOfAdded,
    MultipleOfChanged,
    MinLengthAdded,
    MinLengthIncreased,
    MaxLengthAdded,
    MaxLengthDecreased,
    PatternAdded,
    PatternChanged,
    FormatAdded,
    FormatChanged,
    ContentAdded,
    ContentChanged,
    RequiredAdded,
    PropertyAddedToOpen,
    PropertyAddedNotCovered,
    PropertyRemovedFromClosed,
    PropertyRemovedNotCovered,
    PatternPropertyAdded,
    PatternPropertyRemoved,
    AdditionalPropertiesRemoved,
    AdditionalPropertiesNarrowed,
    UnevaluatedPropertiesNarrowed,
    PropertyNamesNarrowed,
    MinPropertiesAdded,
    MinPropertiesIncreased,
    MaxPropertiesAdded,
    MaxPropertiesDecreased,
    DependencyAdded,
    DependencyExtended,
    DependencySchemaNarrowed,
    ListBecameTuple,
    TupleBecameList,
    ItemAddedToOpen,
    ItemAddedNotCovered,
    ItemRemovedFromClosed,
    ItemRemovedNotCovered,
    AdditionalItemsRemoved,
    AdditionalItemsNarrowed,
    ItemsAdded,
    MinItemsAdded,
    MinItemsIncreased,
    MaxItemsAdded,
    MaxItemsDecreased,
    UniqueItemsAdded,
    ContainsAdded,
    ContainsNarrowed,
    SumTypeNarrowed,
    CombinedTypeChanged,
    CombinedSubschemasChanged,
    NotAdded,
    NotExtended,
    ConditionAdded,
    ConditionChanged,
    TooComplex,
}

impl Rule {
    /// Returns the rule's name for programs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NothingAccepted => "json-nothing-accepted",
            Self::WholeSchemaTrue => "json-whole-schema-true",
            Self::TypeChanged => "json-type-changed",
            Self::TypeNarrowed => "json-type-narrowed",
            Self::EnumAdded => "json-enum-added",
            Self::EnumNarrowed => "json-enum-narrowed",
            Self::ValueRefused => "json-value-refused",
            Self::MinimumAdded => "json-minimum-added",
            Self::MinimumIncreased => "json-minimum-increased",
            Self::MaximumAdded => "json-maximum-added",
            Self::MaximumDecreased => "json-maximum-decreased",
            Self::MultipleOfAdded => "json-multiple-of-added",
            Self::MultipleOfChanged => "json-multiple-of-changed",
            Self::MinLengthAdded => "json-min-length-added",
            Self::MinLengthIncreased => "json-min-length-increased",
            Self::MaxLengthAdded => "json-max-length-added",
            Self::MaxLengthDecreased => "json-max-length-decreased",
            Self::PatternAdded => "json-pattern-added",
            Self::PatternChanged => "json-pattern-changed",
            Self::FormatAdded => "json-format-added",
            Self::FormatChanged => "json-format-changed",
            Self::ContentAdded => "json-content-added",
            Self::ContentChanged => "json-content-changed",
            Self::RequiredAdded => "json-required-added",
            Self::PropertyAddedToOpen => "json-property-added-to-open-content-model",
            Self::PropertyAddedNotCovered => {
                "json-property-added-not-covered-by-partially-open-content-model"
            }
            Self::PropertyRemovedFromClosed => "json-property-removed-from-closed-content-model",
            Self::PropertyRemovedNotCovered => {
                "json-property-removed-not-covered-by-partially-open-content-model"
            }
            Self::PatternPropertyAdded => "json-pattern-property-added",
            Self::PatternPropertyRemoved => "json-pattern-property-removed",
            Self::AdditionalPropertiesRemoved => "json-additional-properties-removed",
            Self::AdditionalPropertiesNarrowed => "json-additional-properties-narrowed",
            Self::UnevaluatedPropertiesNarrowed => "json-unevaluated-properties-narrowed",
            Self::PropertyNamesNarrowed => "json-property-names-narrowed",
            Self::MinPropertiesAdded => "json-min-properties-added",
            Self::MinPropertiesIncreased => "json-min-properties-increased",
            Self::MaxPropertiesAdded => "json-max-properties-added",
            Self::MaxPropertiesDecreased => "json-max-properties-decreased",
            Self::DependencyAdded => "json-dependency-added",
            Self::DependencyExtended => "json-dependency-extended",
            Self::DependencySchemaNarrowed => "json-dependency-schema-narrowed",
            Self::ListBecameTuple => "json-list-became-tuple",
            Self::TupleBecameList => "json-tuple-became-list",
            Self::ItemAddedToOpen => "json-item-added-to-open-content-model",
            Self::ItemAddedNotCovered => {
                "json-item-added-not-covered-by-partially-open-content-model"
            }
            Self::ItemRemovedFromClosed => "json-item-removed-from-closed-content-model",
            Self::ItemRemovedNotCovered => {
                "json-item-removed-not-covered-by-partially-open-content-model"
            }
            Self::AdditionalItemsRemoved => "json-additional-items-removed",
            Self::AdditionalItemsNarrowed => "json-additional-items-narrowed",
            Self::ItemsAdded => "json-items-added",
            Self::MinItemsAdded => "json-min-items-added",
            Self::MinItemsIncreased => "json-min-items-increased",
            Self::MaxItemsAdded => "json-max-items-added",
            Self::MaxItemsDecreased => "json-max-items-decreased",
            Self::UniqueItemsAdded => "json-unique-items-added",
            Self::ContainsAdded => "json-contains-added",
            Self::ContainsNarrowed => "json-contains-narrowed",
            Self::SumTypeNarrowed => "json-sum-type-narrowed",
            Self::CombinedTypeChanged => "json-combined-type-changed",
            Self::CombinedSubschemasChanged => "json-combined-type-subschemas-changed",
            Self::NotAdded => "json-not-added",
            Self::NotExtended => "json-not-type-extended",
            Self::ConditionAdded => "json-condition-added",
            Self::ConditionChanged => "json-condition-changed",
            Self::TooComplex => "json-too-complex",
        }
    }

    /// Returns what to do instead: to the new schema, which reads in one direction and writes in the
    /// other.
    pub(super) const fn advice(self, direction: Direction) -> &'static str {
        let (reading, writing) = self.advices();
        match direction {
            Direction::Backward => reading,
            Direction::Forward => writing,
        }
    }

    /// Returns the advice for a new schema that reads, and for one that writes.
    #[expect(clippy::too_many_lines, reason = "one table, a row per kind of change")]
    const fn advices(self) -> (&'static str, &'static str) {
        match self {
            Self::NothingAccepted => (
                "give the new schema what it has to accept, or leave the place open",
                "write nothing here as long as readers have the old schema, which refuses everything",
            ),
            Self::WholeSchemaTrue => (
                "write {} for a schema that accepts anything",
                "keep to objects, or let the old readers be replaced first",
            ),
            Self::TypeChanged => (
                "keep the old type, accept both with a list of types, or add a property with the new type under another name",
                "keep the old type, or write the new one under another name that the old schema leaves open",
            ),
            Self::TypeNarrowed => (
                "keep all the types that the old schema allows; integer may become number, never the reverse",
                "write none but the types that the old schema allows; number may become integer, never the reverse",
            ),
            Self::EnumAdded | Self::EnumNarrowed | Self::ValueRefused => (
                "keep all the values that the old schema allows; values can be added, not taken away",
                "write none but the values that the old schema lists; a new value needs new readers first, that is, level BACKWARD",
            ),
            Self::MinimumAdded
            | Self::MaximumAdded
            | Self::MinLengthAdded
            | Self::MaxLengthAdded
            | Self::MinPropertiesAdded
            | Self::MaxPropertiesAdded
            | Self::MinItemsAdded
            | Self::MaxItemsAdded => (
                "leave the limit out: the old schema has none",
                "keep the limit that the old schema has, or a stricter one",
            ),
            Self::MinimumIncreased
            | Self::MaximumDecreased
            | Self::MinLengthIncreased
            | Self::MaxLengthDecreased
            | Self::MinPropertiesIncreased
            | Self::MaxPropertiesDecreased
            | Self::MinItemsIncreased
            | Self::MaxItemsDecreased => (
                "keep the limit as wide as the old schema has it, or wider",
                "keep the limit as strict as the old schema has it, or stricter",
            ),
            Self::MultipleOfAdded => (
                "leave multipleOf out: the old schema has none",
                "keep the multipleOf that the old schema has, or a multiple of it",
            ),
            Self::MultipleOfChanged => (
                "keep multipleOf, or divide it by a whole number",
                "keep multipleOf, or multiply it by a whole number",
            ),
            Self::PatternAdded | Self::FormatAdded | Self::ContentAdded => (
                "leave the keyword out: the old schema allows texts without it",
                "keep the keyword as the old schema has it",
            ),
            Self::PatternChanged | Self::FormatChanged | Self::ContentChanged => (
                "keep the keyword as it was or drop it: two different ones are not compared",
                "keep the keyword as it was: two different ones are not compared",
            ),
            Self::RequiredAdded => (
                "leave the property optional, or give it a default",
                "keep the property required, so that every document still has it",
            ),
            Self::PropertyAddedToOpen => (
                "close the old content model first (additionalProperties: false), or give the property a schema that accepts anything, since documents may hold any value under its name already",
                "keep the property as the old schema declares it: the new schema leaves it open, so that any value may be written under its name",
            ),
            Self::PropertyAddedNotCovered => (
                "give the property a schema that accepts all that additionalProperties or patternProperties allowed under its name",
                "keep the property, or let additionalProperties or patternProperties allow no more than the old schema does under its name",
            ),
            Self::PropertyRemovedFromClosed => (
                "keep the property (it may be optional), or open the content model",
                "add the property after the old readers are gone: their content model is closed and refuses it",
            ),
            Self::PropertyRemovedNotCovered => (
                "keep the property, or let additionalProperties or patternProperties accept all it allowed",
                "give the property a schema within what the old additionalProperties or patternProperties allow",
            ),
            Self::PatternPropertyAdded
            | Self::PatternPropertyRemoved
            | Self::AdditionalPropertiesRemoved
            | Self::AdditionalPropertiesNarrowed
            | Self::UnevaluatedPropertiesNarrowed
            | Self::PropertyNamesNarrowed => (
                "keep the content model as open as the old one",
                "keep the content model as closed as the old one",
            ),
            Self::DependencyAdded | Self::DependencyExtended | Self::DependencySchemaNarrowed => (
                "ask for no more beside the property than the old schema does",
                "keep what the old schema asks for beside the property",
            ),
            Self::ListBecameTuple | Self::TupleBecameList => (
                "keep the kind of array: one schema for all items, or one for each position",
                "keep the kind of array: one schema for all items, or one for each position",
            ),
            Self::ItemAddedToOpen | Self::ItemAddedNotCovered => (
                "close the old tuple first (no items after the last), or give the position a schema that accepts all that was allowed there",
                "keep the position as the old schema declares it",
            ),
            Self::ItemRemovedFromClosed | Self::ItemRemovedNotCovered => (
                "keep the position, or let the tuple accept what it allowed",
                "add the position after the old readers are gone, whose tuple ends before it",
            ),
            Self::AdditionalItemsRemoved | Self::AdditionalItemsNarrowed | Self::ItemsAdded => (
                "accept all the items that the old schema allows",
                "write none but items that the old schema allows",
            ),
            Self::UniqueItemsAdded | Self::ContainsAdded | Self::ContainsNarrowed => (
                "ask for no more of the items than the old schema does",
                "keep what the old schema asks of the items",
            ),
            Self::SumTypeNarrowed | Self::CombinedTypeChanged | Self::CombinedSubschemasChanged => {
                (
                    "keep an alternative for each of the old ones, in the same keyword or in anyOf; alternatives can be added",
                    "keep to the old alternatives, each in the same keyword; alternatives can be taken away",
                )
            }
            Self::NotAdded | Self::NotExtended => (
                "exclude no more than the old schema does",
                "keep excluding all that the old schema excludes",
            ),
            Self::ConditionAdded | Self::ConditionChanged => (
                "keep the condition, and loosen then and else at most",
                "keep the condition, and tighten then and else at most",
            ),
            Self::TooComplex => (
                "split the schema, or nest its alternatives less deeply",
                "split the schema, or nest its alternatives less deeply",
            ),
        }
    }
}
