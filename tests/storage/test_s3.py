"""The commands against a real S3 protocol server on this machine: the same results, resumed and refused."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import random_catalogue

from atypeak_scale.config import Config, dump_config

BUCKET = "bucket"
COMMANDS = """
import json, sys
from atypeak_scale.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    main()
"""
# Runs commands and then scores, and is killed after the second block.
KILLED = f"""{COMMANDS}
import os, signal
from atypeak_scale import open_scores, open_store
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.scoring.score import complete
def listen(event):
    if event.stage == "score" and event.done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
complete(open_scores(open_store(STORE), MODEL), InProcess(listen))
"""


@dataclass(frozen=True)
class Server:
    """A server's address, what a process needs to know to reach it, and a client."""

    address: str
    environment: dict[str, str]
    client: Any

    def files(self, prefix: str) -> dict[str, bytes]:
        """Return the content of every object below a prefix, at least one."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        names = [found["Key"] for page in pages for found in page["Contents"]]
        return {
            name.removeprefix(f"{prefix}/"): self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
            for name in names
        }

    def versions(self, prefix: str) -> dict[str, tuple[Any, str]]:
        """Return when every object below a prefix was written, and the hash of its content."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        found = [one for page in pages for one in page["Contents"]]
        return {one["Key"]: (one["LastModified"], one["ETag"]) for one in found}

    def python(self, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python, and return how it ended."""
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def commands(self, *commands: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        """Run commands one after the other in one process, up to the first that fails."""
        return self.python(COMMANDS, json.dumps(commands), **environment)

    def error(self, *arguments: str, **environment: str) -> str:
        """Return the error of a command that refuses its arguments; assert that it is one line."""
        done = self.commands(list(arguments), **environment)
        assert done.returncode == 2, done
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: ")
        return line.removeprefix("Error: ")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("moto.server", reason="moto, the S3 server of the test, is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    log = tmp_path_factory.mktemp("moto") / "log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=out, stderr=out
        ) as process,
    ):
        try:
            address = await_address(process, log)
            yield connected(address)
        finally:
            process.kill()


def await_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Return the address that a starting server writes into its log."""
    for _ in range(600):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found or process.poll() is not None:
            break
    assert found, log.read_text()
    return found[0]


def connected(address: str) -> Server:
    import boto3

    settings = {
        "FSSPEC_S3_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        # Nothing of the machine that runs the test.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    client = boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return Server(address, {**environment, **settings}, client)


@dataclass(frozen=True)
class Inputs:
    """A catalogue and a configuration, in a folder and below a prefix of the bucket."""

    folder: Path

    def stages(self, peaks: str, crms: str, to: str) -> dict[str, list[str]]:
        store, model = f"{to}/s.zarr", f"{to}/model"
        config = ["--config", str(self.folder / "my.yaml")]
        return {
            "build-store": ["build-store", peaks, crms, store, *config],
            "train": ["train", store, *config, "--model", model],
            "score": ["score", store, "--model", model],
            "normalize": ["normalize", store, "--model", model],
            "export": ["export", store, "--out", f"{to}/scores", "--model", model],
        }


@pytest.fixture(scope="module")
def inputs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    from atypeak_scale.config import parse_config

    folder = tmp_path_factory.mktemp("inputs")
    for file in random_catalogue(folder):
        server.client.upload_file(str(file), BUCKET, f"in/{file.name}")
    config: Config = parse_config(
        {
            "cell_line": "cell",
            "store": {"min_crm_peaks": 0, "windows_per_chunk": 24, "rows_per_block": 48},
            "model": {"filters": 4, "deep_dimension": 8},
            "training": {"batch_windows": 8, "batches_per_epoch": 3, "max_epochs": 2, "learning_rate": 0.001},
        },
        "test",
    )
    (folder / "my.yaml").write_text(dump_config(config))
    return Inputs(folder)


@pytest.fixture(scope="module")
def here(server: Server, inputs: Inputs) -> Path:
    """Return the folder of a run on local files."""
    stages = inputs.stages(
        str(inputs.folder / "peaks.bed"), str(inputs.folder / "crms.bed"), str(inputs.folder)
    )
    done = server.commands(*stages.values())
    assert done.returncode == 0, done.stderr
    return inputs.folder


@pytest.mark.slow
def test_s3__a_run_killed_half_way_ends_as_a_local_one(server: Server, inputs: Inputs, here: Path) -> None:
    url = f"s3://{BUCKET}"
    stages = inputs.stages(f"{url}/in/peaks.bed", f"{url}/in/crms.bed", url)
    places = f"STORE, MODEL = {f'{url}/s.zarr'!r}, {f'{url}/model'!r}\n"
    killed = server.python(places + KILLED, json.dumps([stages["build-store"], stages["train"]]))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    written = [name for name in server.files("s.zarr") if "/rebuilt_score/c/" in name]
    assert len(written) == 2
    rest = server.commands(
        stages["score"],
        [*stages["normalize"], "--workers", "2"],
        stages["export"],
        ["verify", f"{url}/s.zarr"],
    )
    assert rest.returncode == 0, rest.stderr
    blocks = len([name for name in server.files("s.zarr") if "/rebuilt_score/c/" in name])
    assert blocks > 4
    assert f"score: done, {blocks - 2}\n" in rest.stderr
    assert rest.stdout.endswith("nothing is damaged\n")
    for what in ("s.zarr", "scores", "model"):
        there = server.files(what)
        local = {
            str(file.relative_to(here / what)): file.read_bytes()
            for file in (here / what).rglob("*")
            if file.is_file()
        }
        assert sorted(there) == sorted(local)
        for name, data in local.items():
            if name.endswith(".json"):
                assert json.loads(there[name]) == json.loads(data), name
            elif not name.endswith(".keras"):  # an archive with times in it; its weights made the scores
                assert there[name] == data, name


def without_scores(server: Server, here: Path, prefix: str) -> tuple[str, dict[str, tuple[Any, str]]]:
    """Upload store and model, but no scores; returns their URL, and the versions of all objects."""
    for what in ("s.zarr", "model"):
        for file in (here / what).rglob("*"):
            name = str(file.relative_to(here))
            if file.is_file() and "/scores/" not in name:
                server.client.upload_file(str(file), BUCKET, f"{prefix}/{name}")
    return f"s3://{BUCKET}/{prefix}", server.versions(prefix)


@pytest.mark.slow
def test_s3__scores_beside_a_store_that_is_only_read(server: Server, inputs: Inputs, here: Path) -> None:
    """The store at S3 is that of the local run, and so must be what is made from it."""
    base, before = without_scores(server, here, "read-only")
    elsewhere = ["--model", f"{base}/model", "--results", f"s3://{BUCKET}/elsewhere/results"]
    done = server.commands(
        ["score", f"{base}/s.zarr", *elsewhere],
        ["normalize", f"{base}/s.zarr", *elsewhere],
        ["export", f"{base}/s.zarr", *elsewhere, "--out", f"s3://{BUCKET}/elsewhere/scores"],
        ["qscore", f"{base}/s.zarr", *elsewhere, "--out", f"s3://{BUCKET}/elsewhere/qscore"],
        ["verify", f"{base}/s.zarr", *elsewhere[2:]],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nothing is damaged\n")
    assert server.versions("read-only") == before
    exported = server.files("elsewhere/scores")
    for file in (here / "scores").iterdir():
        assert exported[file.name] == file.read_bytes(), file.name
    scores = {name: data for name, data in server.files("elsewhere/results").items() if "/c/" in name}
    assert len(scores) > 20
    for name, data in scores.items():
        if "/qscore/" not in name:
            assert (here / "s.zarr" / name).read_bytes() == data, name
    assert set(server.files("elsewhere/qscore")) == {
        "columns.tsv",
        "made-from.json",
        "pairs.tsv",
        "total.tsv",
    }


def test_s3__store_that_may_only_be_read(server: Server, here: Path) -> None:
    """A key that may read and list, but not write, is told where else the scores can be kept."""
    base, before = without_scores(server, here, "denied")
    key = reader_key(server)
    check_keys_after(server, "0")
    try:
        message = server.error("score", f"{base}/s.zarr", "--model", f"{base}/model", **key)
    finally:
        check_keys_after(server, "inf")
    assert message == (
        f"{base}/s.zarr/cell/scores/zarr.json: cannot be reached: Access Denied; if the store must stay as "
        "it is, keep the scores in another place with --results"
    )
    assert server.versions("denied") == before


def test_s3__what_exists_is_refused(server: Server, inputs: Inputs) -> None:
    server.client.put_object(Bucket=BUCKET, Key="mine/notes.txt", Body=b"x")
    url = f"s3://{BUCKET}/mine"
    peaks, crms = (f"s3://{BUCKET}/in/{name}.bed" for name in ("peaks", "crms"))
    config = ("--config", str(inputs.folder / "my.yaml"))
    assert server.error("build-store", peaks, crms, url, *config).startswith(f"{url}: not a store")
    assert server.error("export", url, "--out", url).startswith(f"{url}: exists; remove it or name another")
    assert server.error("score", url, "--model", url).startswith(f"{url}: not a store; make one with")
    assert server.files("mine") == {"notes.txt": b"x"}


@pytest.mark.parametrize(
    "command",
    [
        ("build-store", "s3://no-such-bucket/p.bed", "s3://no-such-bucket/c.bed", "s3://bucket/new.zarr",
         "--cell-line", "cell"),
        ("build-store", "s3://bucket/in/peaks.bed", "s3://bucket/in/crms.bed", "s3://no-such-bucket/new.zarr",
         "--cell-line", "cell"),
        ("info", "s3://no-such-bucket/new.zarr"),
    ],
)  # fmt: skip
def test_s3__missing_bucket(server: Server, inputs: Inputs, command: tuple[str, ...]) -> None:
    message = server.error(*command)
    assert message.startswith("s3://no-such-bucket/")
    assert "no such file, folder or bucket" in message or "not a store" in message


def test_s3__unreachable_endpoint(server: Server) -> None:
    nowhere = {"FSSPEC_S3_ENDPOINT_URL": "http://127.0.0.1:9"}
    for command in (
        ("info", "s3://bucket/s.zarr"),
        ("build-store", "s3://bucket/in/peaks.bed", "s3://bucket/in/crms.bed", "s.zarr", "--cell-line", "c"),
    ):
        message = server.error(*command, **nowhere)
        assert re.match(r"s3://bucket/\S+: cannot be reached: Could not connect to the endpoint URL", message)


def test_s3__wrong_credentials(server: Server) -> None:
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    message = server.error("info", "s3://bucket/s.zarr", **none)
    assert message == "s3://bucket/s.zarr: cannot be reached: Unable to locate credentials"
    check_keys_after(server, "0")
    try:
        message = server.error("info", "s3://bucket/s.zarr")
        assert message.startswith("s3://bucket/s.zarr: cannot be reached: The AWS Access Key Id you provided")
    finally:
        check_keys_after(server, "inf")


def reader_key(server: Server) -> dict[str, str]:
    """Return the settings of a user of the server who may list and read only."""
    import boto3

    known = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    iam = boto3.client("iam", endpoint_url=server.address, **known)
    allowed = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.create_user(UserName="reader")
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def check_keys_after(server: Server, requests: str) -> None:
    """Let a server refuse keys that it does not know after so many requests."""
    url = f"{server.address}/moto-api/reset-auth"
    request = urllib.request.Request(url, requests.encode(), {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).close()
