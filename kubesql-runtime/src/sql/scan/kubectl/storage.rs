//! Columns of persistent volumes and their claims.

use arrow::array::ArrayRef;

use super::arrays::{some_text, texts};
use super::fields::Fields;

/// The access modes and their abbreviations, in the order in which they are printed.
const MODES: [(&str, &str); 4] =
    [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];

pub(super) fn column(name: &str, object: &Fields<'_>) -> Option<ArrayRef> {
    let text = |path: &str| {
        let text = object.text(path);
        texts(object, |row| some_text(text.get(row)))
    };
    let is_claim = object.has("spec.volumeName");
    Some(match name {
        "status" => {
            let (phase, deleted) = (object.text("status.phase"), object.time("metadata.deletionTimestamp"));
            texts(object, |row| match deleted.get(row) {
                Some(_) => Some("Terminating".to_owned()),
                None => some_text(phase.get(row)),
            })
        }
        "volume" => text("spec.volumeName"),
        "access_modes" => {
            let modes = object.texts(if is_claim { "status.accessModes" } else { "spec.accessModes" });
            let volume = object.text("spec.volumeName");
            texts(object, |row| {
                if is_claim && some_text(volume.get(row)).is_none() {
                    return None;
                }
                let has = modes.get(row);
                let short = MODES.iter().filter(|(mode, _)| has.iter().any(|has| has == mode));
                some_text(Some(&short.map(|(_, short)| *short).collect::<Vec<_>>().join(",")))
            })
        }
        "storageclass" => {
            let (class, annotations) = (object.text("spec.storageClassName"), object.map("metadata.annotations"));
            texts(object, |row| {
                some_text(annotations.value(row, "volume.beta.kubernetes.io/storage-class").or_else(|| class.get(row)))
            })
        }
        "volumeattributesclass" => text("spec.volumeAttributesClassName"),
        "reclaim_policy" => text("spec.persistentVolumeReclaimPolicy"),
        "claim" => {
            let (namespace, name) = (object.text("spec.claimRef.namespace"), object.text("spec.claimRef.name"));
            texts(object, |row| {
                let (namespace, name) = (namespace.get(row), name.get(row));
                namespace.or(name)?;
                Some(format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default()))
            })
        }
        _ => return None,
    })
}
