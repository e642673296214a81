//! Which attributes and blocks a block may hold. Kinds and providers declare theirs with these types.

/// One attribute that a block may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeSchema {
    /// The attribute's name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// One sentence for editors and for messages.
    pub doc: &'static str,
}

impl AttributeSchema {
    /// Returns an attribute that may be left out.
    pub const fn optional(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            required: false,
            doc,
        }
    }

    /// Returns attributes that may be left out, each as name and sentence.
    pub const fn all_optional<const N: usize>(
        pairs: [(&'static str, &'static str); N],
    ) -> [Self; N] {
        let mut all = [Self::optional("", ""); N];
        let mut at = 0;
        while at < N {
            all[at] = Self::optional(pairs[at].0, pairs[at].1);
            at += 1;
        }
        all
    }

    /// Returns an attribute that must be there.
    pub const fn required(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            required: true,
            doc,
        }
    }
}

/// One kind of nested block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedBlockSchema {
    /// The block's keyword.
    pub keyword: &'static str,
    /// How many labels it has.
    pub labels: usize,
    /// Whether it may stand more than once.
    pub repeatable: bool,
    /// What it holds.
    pub body: BlockSchema,
}

/// What a block may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSchema {
    /// Its attributes.
    pub attributes: &'static [AttributeSchema],
    /// Its nested blocks.
    pub blocks: &'static [NestedBlockSchema],
}

impl NestedBlockSchema {
    /// Returns a block without labels that may stand once.
    pub const fn once(keyword: &'static str, body: BlockSchema) -> Self {
        Self {
            keyword,
            labels: 0,
            repeatable: false,
            body,
        }
    }
}

impl BlockSchema {
    /// Returns a block that holds no other one.
    pub const fn flat(attributes: &'static [AttributeSchema]) -> Self {
        Self {
            attributes,
            blocks: &[],
        }
    }
}

/// How a kind of object is written: `topic "name" { … }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindSchema {
    /// The block's keyword, which is the kind's name.
    pub keyword: &'static str,
    /// The provider that its driver needs: `kafka`.
    pub provider: &'static str,
    /// The attribute that is the block's label where it is not set: `name` for a topic. References
    /// such as `topic.orders.name` read it.
    pub name_attribute: Option<&'static str>,
    /// The attributes that name files of the project, each as `attribute` or `block.attribute`: a path or a
    /// list of paths, read as [`Block::files`](super::block::Block::files). A value that is a URL is none.
    pub files: &'static [&'static str],
    /// What the block holds besides the meta-arguments.
    pub body: BlockSchema,
}

/// How a provider is written: `provider "kafka" { … }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderSchema {
    /// The block's label.
    pub name: &'static str,
    /// Its settings.
    pub settings: &'static [AttributeSchema],
}
