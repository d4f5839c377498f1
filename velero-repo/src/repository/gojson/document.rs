//! Document types: fields with Go's names, `omitempty` where Kopia has it, unknown fields kept.

/// Declares a document. `"key"` is the field's name in JSON; `omit` behind it drops zero values when writing. Reading
/// takes `null` for an absent field and keeps unknown ones in `extra`.
macro_rules! document {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty = $key:literal $($omit:ident)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Fields that this version does not know.
            pub extra: $crate::repository::gojson::Extra,
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(None)?;
                $(if !$crate::repository::gojson::document!(@dropped self.$field $(, $omit)?) {
                    map.serialize_entry($key, &self.$field)?;
                })*
                self.extra.write(&mut map)?;
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                        f.write_str(concat!("the object ", stringify!($name)))
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut document = $name::default();
                        while let Some(key) = map.next_key::<$crate::repository::gojson::Key>()? {
                            match &*key.0 {
                                $($key => if let Some(value) = map.next_value::<Option<$type>>()? {
                                    document.$field = value;
                                },)*
                                other => document.extra.push(other, map.next_value()?),
                            }
                        }
                        Ok(document)
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }
    };
    (@dropped $value:expr) => { false };
    (@dropped $value:expr, omit) => { $crate::repository::gojson::Unset::is_unset(&$value) };
}
pub(crate) use document;
