"""The files for containers: by the rules of hadolint that apply, no process of root, and commands that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from napari_cellvino.cli.parser import make_parser

DEPLOY = Path(__file__).parents[1] / "deploy"
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "CMD"}


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    lines = [line for line in (DEPLOY / "Containerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]


def test_containerfile_keeps_the_rules(instructions):
    words = [word for word, _ in instructions]
    assert set(words) <= KNOWN, "DL3020, DL4000: ADD and MAINTAINER are not used"
    for word, rest in instructions:
        if word == "FROM":
            assert re.fullmatch(r"\S+:\d+\.\d+\.\d+-\S+( AS \w+)?", rest), "DL3006, DL3007: a version is named"
        if word == "WORKDIR":
            assert rest.startswith("/"), "DL3000"
        if word in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list), "DL3025"
        if word == "RUN":
            assert not re.search(r"\b(sudo|ssh|apt-get|apt|curl|wget)\b", rest), "DL3004, DL3002, DL4001, DL3008"
            if "pip install" in rest:
                assert "--no-cache-dir" in rest, "DL3042"
                assert "--constraint requirements/lock.txt" in rest, "DL3013"
    assert words.count("ENTRYPOINT") == 1, "DL4004"


def test_last_user_is_a_number_and_not_root(instructions):
    users = [rest for word, rest in instructions if word == "USER"]
    assert users[-1:] == ["10001:10001"], "DL3002; Kubernetes can only check numbers"
    assert [word for word, _ in instructions].index("USER") < [word for word, _ in instructions].index("ENTRYPOINT")


def test_everything_that_the_package_needs_is_copied(instructions):
    copied = {part.rstrip("/") for word, rest in instructions if word == "COPY" for part in rest.split()[:-1]}
    root = DEPLOY.parent
    assert all((root / part).exists() for part in copied if not part.startswith(("--", "/opt")))
    assert {"src", "models", "sample_data", "pyproject.toml", "README.md", "LICENSE"} <= copied


def test_commands_of_compose_and_job_are_known(monkeypatch):
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    job = yaml.safe_load((DEPLOY / "job.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    services = compose["services"]
    commands = [services[name]["command"] for name in ("watch", "batch")] + [container["args"]]
    for words in commands:
        assert make_parser().parse_args(words).device == "CPU"
    assert make_parser().parse_args(services["served"]["command"]).engine == "grpc://localhost:9000"
    assert re.fullmatch(r"\S+:\d+\.\d+", services["ovms"]["image"]), "a version is named"
    assert job["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert compose["services"]["watch"]["network_mode"] == "none"


def test_job_with_dask_gives_its_fields_to_workers_that_see_the_same_folders():
    parts = list(yaml.safe_load_all((DEPLOY / "dask-job.yaml").read_text()))
    assert [part["kind"] for part in parts] == ["Service", "Deployment", "Deployment", "Job"]
    pods = {part["metadata"]["name"]: part["spec"]["template"]["spec"] for part in parts[1:]}
    run, workers = pods["cellvino-run"], pods["cellvino-workers"]
    asked = make_parser().parse_args(run["containers"][0]["args"])
    assert asked.cluster == f"tcp://{parts[0]['metadata']['name']}:{parts[0]['spec']['ports'][0]['port']}"
    assert asked.cluster in workers["containers"][0]["command"]
    assert run["containers"][0]["volumeMounts"] == workers["containers"][0]["volumeMounts"]
    for pod in pods.values():
        assert pod["securityContext"]["runAsUser"] == 10001
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
