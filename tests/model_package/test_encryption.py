"""Encrypted weights: opened with the right key only, and nothing of them is left on disk in the clear."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tifffile
import yaml

from napari_cellvino import cli
from napari_cellvino.core.errors import ModelPackageError, OptionError, ReplaceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import OpenVinoEngine, openvino_core
from napari_cellvino.model_package import find_package, open_package
from napari_cellvino.model_package.encrypt_package import encrypt_package
from napari_cellvino.model_package.encryption import find_secret
from napari_cellvino.workflows.export_model import export_for_ovms

PHRASE = "correct horse battery staple"
RUN = 64  # bytes


@pytest.fixture(scope="module")
def plain():
    return find_package("nuclei")


@pytest.fixture(scope="module")
def encrypted(plain, tmp_path_factory):
    """The shipped model with a raw key, and that key."""
    pytest.importorskip("cryptography", reason="needs the encryption extra")
    key = secrets.token_hex(32)
    return encrypt_package(plain, key.encode(), tmp_path_factory.mktemp("encrypted") / "nuclei"), key


@pytest.fixture
def with_key(encrypted, monkeypatch):
    monkeypatch.setenv("CELLVINO_MODEL_KEY", encrypted[1])
    return encrypted[0]


@pytest.fixture
def copy(with_key, tmp_path):
    return Path(shutil.copytree(with_key.folder, tmp_path / "copy"))


def describe(folder, **changes):
    """Change the description of a package, with the sums that its files have now."""
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    ours = rdf["config"]["cellvino"]
    ours["sha256"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ours["sha256"]}
    ours |= {name: value for name, value in changes.items() if name != "version"}
    rdf |= {name: value for name, value in changes.items() if name == "version"}
    (folder / "rdf.yaml").write_text(yaml.safe_dump({k: v for k, v in rdf.items() if v is not None}))
    return folder


def test_the_encrypted_model_gives_the_same_maps(plain, with_key):
    batch, _ = plain.test_tensors()
    maps = []
    for package in (plain, with_key):
        engine = OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)
        engine.load(batch.shape[-1])
        maps.append(engine.infer(batch))
    assert np.array_equal(*maps)


def test_a_pass_phrase_opens_too_and_a_raw_key_is_asked_for_where_one_was_used(plain, encrypted, tmp_path, monkeypatch):
    package = encrypt_package(plain, PHRASE.encode() + b"\n", tmp_path / "phrase")
    monkeypatch.setenv("CELLVINO_MODEL_KEY", PHRASE)
    network, _ = package.decrypted(Precision.FAST)
    assert network == (plain.folder / "model.xml").read_bytes()
    with pytest.raises(ModelPackageError, match="64 hexadecimal digits"):
        encrypted[0].check_key()


def test_the_key_comes_from_a_file_or_is_asked_for(encrypted, tmp_path, monkeypatch):
    package, key = encrypted
    with pytest.raises(ModelPackageError, match="CELLVINO_MODEL_KEY_FILE"):
        OpenVinoEngine(package)
    (tmp_path / "key").write_text(key + "\n")
    monkeypatch.setenv("CELLVINO_MODEL_KEY_FILE", str(tmp_path / "key"))
    package.check_key()
    monkeypatch.setenv("CELLVINO_MODEL_KEY_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ModelPackageError, match="nowhere"):
        find_secret("nuclei", "nuclei")


def test_a_wrong_key_is_said_before_anything_runs(with_key, monkeypatch):
    monkeypatch.setenv("CELLVINO_MODEL_KEY", secrets.token_hex(32))
    with pytest.raises(ModelPackageError, match="key for model nuclei .* is wrong"):
        OpenVinoEngine(with_key)


def test_a_swapped_file_is_refused(copy):
    (copy / "model.bin").write_bytes((copy / "model_int8.bin").read_bytes())
    with pytest.raises(ModelPackageError, match=r"another encrypted file.*model_int8\.bin"):
        open_package(describe(copy)).decrypted(Precision.FAST)


def test_a_file_of_another_version_is_refused(copy):
    with pytest.raises(ModelPackageError, match="another encrypted file"):
        open_package(describe(copy, version="9.0.0")).decrypted(Precision.FAST)


def test_an_altered_file_is_refused(copy):
    content = bytearray((copy / "model.bin").read_bytes())
    content[-20] ^= 1
    (copy / "model.bin").write_bytes(content)
    with pytest.raises(ModelPackageError, match="altered"):
        open_package(describe(copy)).decrypted(Precision.FAST)


def test_plain_weights_do_not_pass_for_encrypted_ones_nor_the_other_way(plain, copy):
    with pytest.raises(ModelPackageError, match="is encrypted, and not described so"):
        open_package(describe(copy, encryption=None))
    (copy / "model.bin").write_bytes((plain.folder / "model.bin").read_bytes())
    rdf = yaml.safe_load((plain.folder / "rdf.yaml").read_text())
    encryption = {"cipher": "AES-256-GCM", "key": "raw", "check": "0" * 56}
    plainly = Path(shutil.copytree(plain.folder, copy.parent / "plainly"))
    rdf["config"]["cellvino"]["encryption"] = encryption
    (plainly / "rdf.yaml").write_text(yaml.safe_dump(rdf))
    with pytest.raises(ModelPackageError, match="is not encrypted"):
        open_package(plainly)


def test_no_nonce_is_used_twice(with_key):
    nonces = {(with_key.folder / f"model{kind}").read_bytes().partition(b"\n")[2][:12] for kind in (".xml", ".bin")}
    assert len(nonces) == 2


def test_what_is_left_out_and_refused(with_key, tmp_path):
    assert {path.name for path in with_key.folder.iterdir()} == {
        "README.md", "model.bin", "model.xml", "model_int8.bin", "model_int8.xml", "rdf.yaml", "test_input.npy",
        "test_output.npy",
    }  # fmt: skip
    with pytest.raises(ModelPackageError, match="cannot be exported"):
        export_for_ovms(with_key, tmp_path / "exported")
    with pytest.raises(ModelPackageError, match="cannot be encrypted again"):
        encrypt_package(with_key, b"x", tmp_path / "again")
    with pytest.raises(ReplaceError):
        encrypt_package(find_package("nuclei"), b"x", tmp_path)
    with pytest.raises(OptionError, match="empty"):
        encrypt_package(find_package("nuclei"), b" \n", tmp_path / "new")


def test_the_command_encrypts_with_a_key_of_the_environment_or_the_keyring(plain, tmp_path, monkeypatch, capsys):
    keyring = pytest.importorskip("keyring", reason="needs the encryption extra")
    from keyring.backend import KeyringBackend

    class Kept(KeyringBackend):
        priority = 1
        kept: ClassVar[dict[str, str]] = {}

        def get_password(self, service, username):
            return self.kept.get(f"{service} {username}")

        def set_password(self, service, username, password):
            self.kept[f"{service} {username}"] = password

    monkeypatch.setattr(keyring.core, "_keyring_backend", Kept())
    monkeypatch.setenv("SECRET", PHRASE)
    words = ["models", "encrypt", "nuclei", "--out"]
    assert cli.main([*words, str(tmp_path / "env"), "--key-env", "SECRET"]) == 0
    assert cli.main([*words, str(tmp_path / "ring"), "--keyring"]) == 0
    open_package(tmp_path / "ring").check_key()
    with pytest.raises(ModelPackageError, match="64 hexadecimal digits|wrong"):
        open_package(tmp_path / "env").check_key()
    assert cli.main([*words, str(tmp_path / "none")]) == 2
    assert cli.main([*words, str(tmp_path / "none"), "--key-env", "NOWHERE"]) == 2
    assert "NOWHERE" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def known_runs(weights: bytes) -> dict[int, set[bytes]]:
    """Return runs of 64 bytes of the weights by their first 8; zeros and repeated values are in every file."""
    runs = (weights[at : at + RUN] for at in range(0, len(weights) - RUN + 1, RUN))
    found: dict[int, set[bytes]] = {}
    for run in runs:
        if len(set(run)) > 16:
            found.setdefault(int.from_bytes(run[:8], "little"), set()).add(run)
    return found


def has_weights(content: bytes, known: dict[int, set[bytes]]) -> bool:
    """Return whether one of the runs is in a file, wherever it begins."""
    heads = np.array(sorted(known), np.uint64)
    for offset in range(8):
        words = np.frombuffer(content, "<u8", max(0, len(content) - offset) // 8, offset) if len(content) > 16 else []
        for at in np.flatnonzero(np.isin(words, heads)):
            begin = offset + 8 * int(at)
            if content[begin : begin + RUN] in known[int(words[at])]:
                return True
    return False


@pytest.mark.slow
def test_no_file_that_a_run_leaves_has_the_weights(plain, encrypted, tmp_path, monkeypatch):
    """Every run of 64 bytes of the plain weights is looked for at every place; a plain model's cache has them."""
    package, key = encrypted
    (tmp_path / "key").write_text(key)
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("CELLVINO_MODEL_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    pixels = tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0, :192, :192]
    tifffile.imwrite(tmp_path / "image.tif", pixels)
    known = known_runs(b"".join((plain.folder / f"model{kind}.bin").read_bytes() for kind in ("", "_int8")))
    core = openvino_core()
    before = core.get_property("CACHE_DIR")
    leaks = {}
    for kind, folder in (("plain", shutil.copytree(plain.folder, tmp_path / "copy")), ("encrypted", package.folder)):
        core.set_property({"CACHE_DIR": str(tmp_path / kind / "cache")})
        try:
            out = tmp_path / kind / "out"
            assert cli.main(["run", str(tmp_path / "image.tif"), "--out", str(out), "--model", str(folder)]) == 0
        finally:
            core.set_property({"CACHE_DIR": before})
        left = [path for top in (tmp_path / kind, tmp_path / "temp") for path in top.rglob("*") if path.is_file()]
        assert len(left) > 5
        leaks[kind] = {path.parent.name for path in left if has_weights(path.read_bytes(), known)}
    assert leaks == {"plain": {"cache"}, "encrypted": set()}
