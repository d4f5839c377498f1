//! A chain of blobs that Kopia's own code wrote: index blob, packed content, trailer.

use std::io::Read;
use std::sync::OnceLock;

use super::*;

const PARAMETERS: &str = r#"{"hash":"BLAKE2B-256-128","encryption":"AES256-GCM-HMAC-SHA256",
    "secret":"aG1hYy1zZWNyZXQtaG1hYy1zZWNyZXQtaG1hYy1zZWM=","masterKey":"bWFzdGVyLWtleS1tYXN0ZXIta2V5LW1hc3Rlci1rZXk=",
    "version":3,"maxPackSize":20971520,"indexVersion":2,"enablePasswordChange":true}"#;
const INDEX_BLOB: &str = "xn0_cc045c90fa294c43046fdc83049a0826-s128fcbbe3c0907c0147-c1";
const SEALED_INDEX: &str = "24d302bda089de56173fc4d6c365235cbb5c959f2a05b6aa1265a15b8bea97cdf228c64876abf3d66d7f049650666a7fa8f42719\
0e48bb0e2e8162057b36209066490991097ee57fb396272933755365d2e188e4345cb11f9d763774c213c56b9083d821f929cdcf\
83b857f5f9f87fa4e57dc4fd5ddcf377b8a0657f806fb831cddea74b6ad9f75edabf0a10706096";
const PLAIN_INDEX: &str = "02110010000000010000000101000000006dfdcec12b2618d41cc66cdfd5538333a56b0121280000002000012200013e00003600\
00003d0000000003007161613031616564633931313465343939393034363465613034333035646131342d733132386663626265\
3363303930376330313437";
const PACKED: &str = "944ffd367c1105c1cab3d0c251521e036dacdcf1cd7eef460e8a9a15552638011910462a5fac3393312598fb6ce5bb1dddc8ad7a\
b119f9c00c56807771d4c3569b1eb8482837314183757da29f30501770b3e948880f58d294b032ba05310936c5c3bd17edfe6024\
9f30b8199fb2f8bf55153416ccab9416b40322932791ba67f86b695b5b95f783536921761e236cba1270c0009d11144bfeb50b43\
d2e9d9c8ab3993879bc3808fe0b70f8b4978e66397cd97252f6fe87d49a44e30cb69337356aa8c4bc0e3735197aa959a04a5d3a5\
a6a689d396f2948fdde357ac231eccf66afbb2b125888b3f13f332378a253801361531d467f39ee45942554071939bb3517953d0\
9b64e05d5a333b3688d8d8e38bd0970b378e49c5219734cc1f46f381a074838eb6fcb1e1e9de2646e23634aa008c61dd22ffe4eb\
ed395c536656";
const MANIFEST: &str = r#"{"entries":[{"id":"2cc01eec96f14cda0ecd002a9e3095f5","labels":{"type":"maintenance"},"modified":"2026-11-21T04:42:16.711517811Z","data":{"owner":"default@default","quick":{"enabled":true,"interval":3600000000000},"full":{"enabled":true,"interval":86400000000000},"logRetention":{"maxTotalSize":1073741824,"maxCount":10000,"maxAge":2592000000000000},"extendObjectLocks":false,"listParallelism":0}}]}"#;
const TRAILER: &str = "b8a4308b02d127e920311c253132817b8147e8833a655b18bbff4dcf791dcb00b91f933fae6ba544708bba1c821f3e3fe812a425\
e993b5612ab486e535f6ec5512efe7a0f30caca587f49b7c90af873c953fd542122712215c8b71c1561caf1d5c8bab34170e65bf\
a5e703cc11814036258855706c561691ff3d85934c5d710e6f919920ed91d57f51571b93846d856cf1d23ec5c95ba515173a11eb\
6f27c51278c53496f12335d555dffaeb6803a401105ece4f3a22975838b468db8caa97b7288020af01a247d62f1a";

pub(super) fn seal() -> Seal {
    static SEAL: OnceLock<Seal> = OnceLock::new();
    SEAL.get_or_init(|| Seal::new(&serde_json::from_str(PARAMETERS).unwrap()).unwrap()).clone()
}

fn bytes(digits: &str) -> Vec<u8> {
    digits.as_bytes().chunks(2).map(|pair| hex_byte(pair).unwrap()).collect()
}

fn only_entry(table: &Table) -> Entry {
    assert_eq!(table.len(), 1);
    table.iter().next().unwrap()
}

#[test]
fn an_index_blob_of_kopia_is_opened() {
    let id = BlobId::new(INDEX_BLOB).unwrap();
    let payload = open_sealed_blob(&seal(), &id, &bytes(SEALED_INDEX)).unwrap();
    assert_eq!(hex(&payload), PLAIN_INDEX);
    let entry = only_entry(&Table::load(&seal(), &id, &bytes(SEALED_INDEX)).unwrap());
    assert_eq!(entry.content.to_string(), "mfdcec12b2618d41cc66cdfd5538333a5");
    assert_eq!(entry.pack.as_str(), "qaa01aedc9114e49990464ea04305da14-s128fcbbe3c0907c0147");
    assert_eq!((entry.offset, entry.packed_length, entry.original_length), (32, 318, 290));
    assert_eq!((entry.timestamp, entry.deleted, entry.compression), (1_795_236_136, false, 0));
    assert_eq!((entry.format_version, entry.key_id), (3, 0));
}

#[test]
fn a_sealed_blob_has_kopias_name() {
    let (id, sealed) = sealed_blob(&seal(), "xn0_", "s128fcbbe3c0907c0147-c1", &bytes(PLAIN_INDEX)).unwrap();
    assert_eq!(id.as_str(), INDEX_BLOB);
    assert_eq!(sealed.len(), 143);
    assert_eq!(hex(&open_sealed_blob(&seal(), &id, &sealed).unwrap()), PLAIN_INDEX);
    let other = BlobId::new(INDEX_BLOB.replace("cc04", "cc05")).unwrap();
    let message = open_sealed_blob(&seal(), &other, &sealed).unwrap_err().to_string();
    assert!(message.contains(other.as_str()), "{message}");
    assert!(open_sealed_blob(&seal(), &BlobId::new("xn0_short").unwrap(), &sealed).is_err());
}

#[test]
fn a_content_of_kopias_pack_is_opened() {
    let entry = only_entry(&Table::parse(bytes(PLAIN_INDEX).into(), PACKED_OVERHEAD).unwrap());
    let packed = bytes(PACKED);
    assert_eq!(packed.len(), entry.packed_length as usize);
    let zipped = seal().open(&entry.content.iv(), &packed, packed.len()).unwrap();
    assert_eq!(ContentId::new(Some(b'm'), &seal().hash(&zipped)).unwrap(), entry.content);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text.trim_end_matches('\n'), MANIFEST);
}

#[test]
fn the_trailer_of_kopias_pack_is_read() {
    let mut pack = vec![0; 4096];
    pack.extend(bytes(TRAILER));
    assert_eq!(pack.len(), 4298);
    let postamble = Postamble::find(&pack).unwrap();
    assert_eq!((postamble.offset, postamble.length), (4096, 175));
    let expected = only_entry(&Table::parse(bytes(PLAIN_INDEX).into(), PACKED_OVERHEAD).unwrap());
    assert_eq!(read_trailer(&pack, &seal()).unwrap(), [expected]);
}

#[test]
fn the_postamble_is_kopias() {
    let mut out = Vec::new();
    Postamble { iv: (0..16).collect(), offset: 4096, length: 352 }.write(&mut out).unwrap();
    assert_eq!(hex(&out), "0110000102030405060708090a0b0c0d0e0f8020e002143e6e2b1a");
}
