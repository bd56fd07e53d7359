"""Weights that must not leave in the clear: AES-256-GCM, opened in memory only.

An encrypted file is a line that names model, version, file and the way to the key, a nonce of 12 random bytes, and the
encrypted content with its tag. The line is authenticated with the content: a file that was swapped with another one, or
with that of another version, does not open. The key is 64 hexadecimal digits, taken as they are, or a pass phrase, of
which scrypt makes one. It comes from the environment or the system's keyring, never from a recipe or a package.

References
----------
NIST SP 800-38D (Galois/Counter Mode); RFC 7914 (scrypt)
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_cellvino.core.errors import ModelPackageError, OptionError
from napari_cellvino.core.settings import model_key_sources

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"cellvino encrypted file 1 "
NONCE_BYTES, SCRYPT_N, SCRYPT_R, SCRYPT_P = 12, 2**17, 8, 1
KEYRING_SERVICE = "napari-cellvino model key"
_RAW = re.compile(rb"[0-9a-fA-F]{64}")


class Encryption(BaseModel):
    """How the weights of a package are encrypted. ``check`` (hexadecimal) opens with the right key and no other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cipher: Literal["AES-256-GCM"]
    key: Literal["raw", "scrypt"]
    salt: str = Field(default="", pattern=r"^(?:[0-9a-f]{32})?$")
    check: str = Field(pattern=r"^[0-9a-f]{56}$")


def new_encryption(secret: bytes) -> Encryption:
    """Return how a package is encrypted with a secret: with it as the key, or with what scrypt makes of it and a salt.

    Raises
    ------
    OptionError
        If the secret is empty.
    """
    secret = secret.strip()
    if not secret:
        raise OptionError("the key is empty; give 64 hexadecimal digits or a pass phrase")
    raw = _RAW.fullmatch(secret) is not None
    salt = "" if raw else secrets.token_hex(16)
    nonce = secrets.token_bytes(NONCE_BYTES)
    check = nonce + _cipher(_key(secret, salt)).encrypt(nonce, b"", b"cellvino key check")
    return Encryption(cipher="AES-256-GCM", key="raw" if raw else "scrypt", salt=salt, check=check.hex())


def encrypt(content: bytes, secret: bytes, encryption: Encryption, *, label: str, file: str) -> bytes:
    """Return the content of a file of the model ``label`` (name and version), encrypted."""
    head, nonce = _head(encryption, label, file), secrets.token_bytes(NONCE_BYTES)
    return head + nonce + _cipher(_key(secret, encryption.salt)).encrypt(nonce, content, head)


def decrypt(content: bytes, secret: bytes, encryption: Encryption, *, label: str, file: str) -> bytes:
    """Return the content of an encrypted file.

    Raises
    ------
    ModelPackageError
        If the key is wrong, or the file is not encrypted, was altered, or is another one or of another version.
    """
    check_secret(secret, encryption, label=label)
    line, end, body = content.partition(b"\n")
    head = _head(encryption, label, file)
    if not line.startswith(MAGIC):
        raise ModelPackageError(f"model {label}: {file} should be encrypted and is not; install the model again")
    if line + end != head:
        raise ModelPackageError(
            f"model {label}: {file} is another encrypted file, {line.removeprefix(MAGIC).decode('utf-8', 'replace')}; "
            "install the model again"
        )
    opened = _open(_cipher(_key(secret, encryption.salt)), body, head)
    if opened is None:
        raise ModelPackageError(f"model {label}: {file} was altered after it was encrypted; install the model again")
    return opened


def check_secret(secret: bytes, encryption: Encryption, *, label: str) -> None:
    """Check that a secret opens what was encrypted so.

    Raises
    ------
    ModelPackageError
        If it does not.
    """
    if encryption.key == "raw" and not _RAW.fullmatch(secret.strip()):
        raise ModelPackageError(f"model {label} is encrypted with a key of 64 hexadecimal digits, not a pass phrase")
    if _open(_cipher(_key(secret, encryption.salt)), bytes.fromhex(encryption.check), b"cellvino key check") is None:
        raise ModelPackageError(f"the key for model {label} is wrong; ask who gave you the model")


def find_secret(name: str, label: str) -> bytes:
    """Return the secret of a model: of ``CELLVINO_MODEL_KEY``, ``CELLVINO_MODEL_KEY_FILE`` or the keyring.

    Raises
    ------
    ModelPackageError
        If there is none, or its file cannot be read.
    """
    key, file = model_key_sources()
    if key:
        return key.encode()
    if file is not None:
        return read_key_file(file)
    kept = keyring_secret(name)
    if kept is None:
        raise ModelPackageError(
            f"model {label} is encrypted and there is no key for it; set CELLVINO_MODEL_KEY_FILE to the file of the "
            f"key, CELLVINO_MODEL_KEY to the key, or keep it in the keyring as {KEYRING_SERVICE!r}, {name}"
        )
    return kept


def read_key_file(path: Path) -> bytes:
    """Return the secret in a file.

    Raises
    ------
    ModelPackageError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelPackageError(f"the key file {path} cannot be read: {error.strerror}") from error


def keyring_secret(name: str) -> bytes | None:
    """Return the secret that the system's keyring has for a model, or None."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        kept = keyring.get_password(KEYRING_SERVICE, name)
    except KeyringError:
        return None
    return None if kept is None else kept.encode()


def keep_in_keyring(name: str) -> bytes:
    """Return the secret that the keyring has for a model, after making one where it has none.

    Raises
    ------
    OptionError
        If there is no keyring here.
    """
    if (kept := keyring_secret(name)) is not None:
        return kept
    try:
        import keyring
        from keyring.errors import KeyringError

        made = secrets.token_hex(32)
        keyring.set_password(KEYRING_SERVICE, name, made)
    except ImportError as error:
        raise OptionError("a keyring needs the extra 'encryption': pip install napari-cellvino[encryption]") from error
    except KeyringError as error:
        raise OptionError(f"this computer has no keyring that can keep a key ({error}); use --key-file") from error
    return made.encode()


def _head(encryption: Encryption, label: str, file: str) -> bytes:
    """Return the first line of an encrypted file, which is authenticated with it."""
    said = {"model": label, "file": file, "cipher": encryption.cipher, "key": encryption.key, "salt": encryption.salt}
    return MAGIC + json.dumps(said).encode() + b"\n"


def _open(cipher: AESGCM, body: bytes, head: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], head)
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce and a tag
        return None


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise OptionError(
            "encrypted models need the extra 'encryption': pip install napari-cellvino[encryption]"
        ) from error
    return AESGCM(key)


@lru_cache(maxsize=8)
def _key(secret: bytes, salt: str) -> bytes:
    """Return the 32 bytes of a key: of hexadecimal digits, or with a salt of a pass phrase (slow on purpose)."""
    secret = secret.strip()
    if not salt:
        return bytes.fromhex(secret.decode("ascii"))
    return hashlib.scrypt(secret, salt=bytes.fromhex(salt), n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=2**28, dklen=32)
