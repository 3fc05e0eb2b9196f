//! The vault's folder: who may read it, files replaced whole, and the lock of the living process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::VaultError;

const LOCK_NAME: &str = "vault.lock";
/// What the lock file holds while the vault is open, and after a crash.
const OPEN: &[u8] = b"open \n";
/// What it holds after an orderly close. As long as [`OPEN`], so that a full disk can take it.
const CLEAN: &[u8] = b"clean\n";

/// Makes the folder for a new vault, readable by its owner alone.
///
/// An existing folder is narrowed to its owner if it is empty; one that holds other things keeps
/// its permissions, and the vault's files are narrow in any case.
pub(super) fn prepare(folder: &Path) -> Result<(), VaultError> {
    let made = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_none() {
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            }
            // The folder's own entry must last as well.
            if let Some(parent) = folder.parent().filter(|path| !path.as_os_str().is_empty()) {
                sync_folder(parent)?;
            }
        }
        Ok(())
    };
    made().map_err(|error| VaultError::io("make the vault's folder", error))
}

/// Makes an empty file that only its owner may read; `AlreadyExists` if there is one.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    private().write(true).create_new(true).open(path)
}

/// Replaces a file of the folder whole: written beside it, synced, renamed, folder synced.
pub(super) fn replace(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let path = folder.join(name);
    let beside = folder.join(format!("{name}.new"));
    // One left by a crash is nobody's: the lock is held by us.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = create_private(&beside).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    });
    if let Err(error) = written {
        let removed = fs::remove_file(&beside);
        tracing::debug!(removed = removed.is_ok(), "a file could not be replaced");
        return Err(error);
    }
    sync_folder(folder)
}

/// Makes renames and new files in the folder last.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Reads a file, but no more than `bytes_max` of it.
pub(super) fn read_capped(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(bytes_max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The lock on a vault, held until dropped or until the process ends in any way.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    clean: bool,
}

impl Lock {
    /// Takes the lock at once, or says that the vault is in use.
    pub(super) fn take(folder: &Path) -> Result<Self, VaultError> {
        let failed = |error| VaultError::io("lock the vault", error);
        let path: PathBuf = folder.join(LOCK_NAME);
        let mut file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(VaultError::InUse {
                    folder: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut content = [0; CLEAN.len()];
        let clean = match file.read_exact(&mut content) {
            Ok(()) => content == CLEAN,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { file, clean })
    }

    /// True if the vault was closed in an orderly way when it was last open.
    pub(super) fn was_clean(&self) -> bool {
        self.clean
    }

    /// Notes durably that the vault is open, before its first write.
    pub(super) fn mark_open(&mut self) -> Result<(), VaultError> {
        self.mark(OPEN)
    }

    /// Notes that everything was closed in an orderly way.
    pub(super) fn mark_clean(&mut self) -> Result<(), VaultError> {
        self.mark(CLEAN)
    }

    fn mark(&mut self, content: &[u8]) -> Result<(), VaultError> {
        let marked = self
            .file
            .rewind()
            .and_then(|()| self.file.write_all(content))
            .and_then(|()| self.file.sync_all());
        marked.map_err(|error| VaultError::io("write vault.lock", error))
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a process that is just being started by this one holds a
    /// copy of it for a moment, and would keep the lock.
    fn drop(&mut self) {
        let unlocked = self.file.unlock().is_ok();
        tracing::trace!(unlocked, "the vault's lock is released");
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
