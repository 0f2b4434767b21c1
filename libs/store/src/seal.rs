//! Credentials at rest: AES-256-GCM, with what the value belongs to as associated data, so that a row copied to another
//! tenant opens nothing.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{LeadId, TenantId};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};

use crate::{Error, LinkToken};

/// 32 random bytes. Its `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

#[derive(Debug, thiserror::Error)]
#[error("a seal key is 32 bytes in base64; make one with: openssl rand -base64 32")]
pub struct BadKey;

impl SealKey {
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| BadKey)?;
        bytes.try_into().map(Self).map_err(|_| BadKey)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Seals with its first key, opens with any.
#[derive(Debug)]
pub struct Sealer {
    keys: Vec<LessSafeKey>,
    /// Of links. With another first key they become others; those that are out go on working, because their hashes are kept.
    links: Option<hmac::Key>,
    random: SystemRandom,
}

impl Sealer {
    pub fn new(keys: &[SealKey]) -> Self {
        let links = keys.first().map(|key| {
            let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key.0), b"links of leads");
            hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
        });
        let keys =
            keys.iter().filter_map(|key| UnboundKey::new(&AES_256_GCM, &key.0).ok()).map(LessSafeKey::new).collect();
        Self { keys, links, random: SystemRandom::new() }
    }

    /// What a lead's link ends with.
    pub(crate) fn link_token(&self, tenant: TenantId, lead: LeadId) -> Result<LinkToken, Error> {
        let tag = hmac::sign(self.links.as_ref().ok_or(Error::Sealed)?, format!("{tenant}:{lead}").as_bytes());
        let mut secret = [0; 10];
        secret.copy_from_slice(&tag.as_ref()[..10]);
        Ok(LinkToken::of(secret))
    }

    /// The nonce, then the ciphertext with its tag.
    pub fn seal(&self, belongs_to: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let key = self.keys.first().ok_or(Error::Sealed)?;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| Error::Sealed)?;
        let mut text = plain.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(belongs_to), &mut text)
            .map_err(|_| Error::Sealed)?;
        Ok([nonce.as_slice(), &text].concat())
    }

    /// Opened with any key, and sealed with the first.
    pub fn reseal(&self, belongs_to: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal(belongs_to, &self.open(belongs_to, sealed)?)
    }

    pub fn open(&self, belongs_to: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Error::Sealed)?;
        self.keys
            .iter()
            .find_map(|key| {
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let mut text = text.to_vec();
                let plain = key.open_in_place(nonce, Aad::from(belongs_to), &mut text).ok()?;
                Some(plain.to_vec())
            })
            .ok_or(Error::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fill: u8) -> SealKey {
        SealKey::parse(&STANDARD.encode([fill; 32])).unwrap()
    }

    #[test]
    fn a_value_opens_for_its_owner_alone() {
        let sealer = Sealer::new(&[key(1)]);
        let sealed = sealer.seal("tenant-a:twilio", b"token").unwrap();
        assert_eq!(sealer.open("tenant-a:twilio", &sealed).unwrap(), b"token");
        assert!(sealer.open("tenant-b:twilio", &sealed).is_err());
        assert!(!sealed.windows(5).any(|bytes| bytes == b"token"));
        assert!(sealer.open("tenant-a:twilio", &sealed[..7]).is_err());
    }

    #[test]
    fn after_a_rotation_old_values_still_open() {
        let sealed = Sealer::new(&[key(1)]).seal("a", b"token").unwrap();
        assert_eq!(Sealer::new(&[key(2), key(1)]).open("a", &sealed).unwrap(), b"token");
        assert!(Sealer::new(&[key(2)]).open("a", &sealed).is_err());
    }
}
