//! What can go wrong with a vault.

use std::io;
use std::path::PathBuf;

/// Why a vault could not be created, opened, read or written.
///
/// Nothing here holds content, names or keys: it may be shown and logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The person's, or the disk's: a damaged wrap looks the same as a wrong passphrase.
    #[error(
        "the passphrase does not open this vault: it is mistyped, or the key file is damaged \
         (the two look the same); nothing was changed, and the recovery code may still open it"
    )]
    WrongPassphrase,
    /// The code belongs to another vault, or the key file is damaged.
    #[error(
        "the recovery code does not open this vault: it belongs to another one, or the key file \
         is damaged (the two look the same); nothing was changed"
    )]
    WrongRecoveryCode,
    /// A vault needs a passphrase of at least one character.
    #[error("the passphrase is empty; nothing was changed")]
    PassphraseEmpty,
    /// No key file in the folder.
    #[error("not a vault: there is no vault.key in {}", folder.display())]
    NotAVault {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// Creating would overwrite a vault, or what is left of one.
    #[error("there is a vault, or a part of one, already; it was not touched: {}", folder.display())]
    AlreadyExists {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// A living process holds the lock file.
    #[error("the vault is open in another program; close it there first: {}", folder.display())]
    InUse {
        /// The folder that was named.
        folder: PathBuf,
    },
    /// Written by a newer version of this program.
    #[error(
        "the vault was written by a newer version (format {found}, this program knows {known}); \
         nothing was changed"
    )]
    Newer {
        /// The version in the file.
        found: u32,
        /// The newest version this program reads.
        known: u32,
    },
    /// Bytes on the disk are not what was written.
    #[error("the vault is damaged: {what}; nothing was changed")]
    Damaged {
        /// Which part, and how it was noticed.
        what: String,
    },
    /// No space left. What was stored before is safe and can be read.
    #[error("the disk is full; what was saved before is safe")]
    DiskFull,
    /// Too little memory to derive the key.
    #[error("not enough memory to derive the key ({mebibytes} MiB); nothing was changed")]
    Memory {
        /// What the key file asks for.
        mebibytes: u32,
    },
    /// A write failed, now or earlier since the vault was opened; reading still works.
    #[error(
        "writing to the vault has stopped until it is opened again: {0}; what was saved before is safe"
    )]
    WritingStopped(StopReason),
    /// This build of SQLite does not encrypt: a fault of the build, found before anything is written.
    #[error("this build cannot encrypt a vault; nothing was written")]
    NoEncryption,
    /// The system refused something.
    #[error("cannot {doing}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// The database refused something; a fault of this program or of the disk.
    #[error("the vault's database failed: {0}")]
    Database(String),
}

/// Why the vault takes no more writes until it is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// No space left.
    #[error("the disk is full")]
    DiskFull,
    /// The disk or the file system failed a write.
    #[error("the disk failed")]
    DiskFailed,
    /// A page is not what was written.
    #[error("the vault is damaged")]
    Damaged,
    /// The database refused the write for another reason, which is in the log.
    #[error("the database failed")]
    DatabaseFailed,
    /// The vault is closed, or its writing thread ended.
    #[error("the vault is closed")]
    Closed,
}

impl VaultError {
    /// An [`io::Error`] met while `doing` something; a full disk has its own variant.
    pub(super) fn io(doing: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io { doing, error },
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    /// What a failed write means for all later ones.
    pub(super) fn stop_reason(&self) -> StopReason {
        match self {
            Self::DiskFull => StopReason::DiskFull,
            Self::Io { .. } => StopReason::DiskFailed,
            Self::Damaged { .. } => StopReason::Damaged,
            Self::WritingStopped(reason) => *reason,
            _ => StopReason::DatabaseFailed,
        }
    }
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode};
        match &error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::DiskFull,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Self::damaged("a page of vault.db is not what was written")
                }
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied => Self::Io {
                    doing: "use vault.db",
                    error: io::Error::other(failure.to_string()),
                },
                _ => Self::Database(failure.to_string()),
            },
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => Self::damaged("a row of vault.db has an unexpected form"),
            _ => Self::Database(error.to_string()),
        }
    }
}
