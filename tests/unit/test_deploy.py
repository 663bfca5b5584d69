"""What can be known of the containers without an engine: the files are read, and their commands run outside one."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import typer
import yaml

from pipelines import cli

pytestmark = pytest.mark.slow  # some minutes; CI runs it, `make test` does not

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
BIN = Path(sys.executable).parent


def shell(name):
    """What a service runs, as a line of the shell."""
    service = SERVICES[name]
    words = [*service.get("entrypoint", ["leadready"]), *service.get("command", ())]
    return words[2] if words[:2] == ["sh", "-c"] else shlex.join(words)


def test_every_service_is_hardened_and_on_this_machine_alone():
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"] in ("10001:10001", "postgres"), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert service["healthcheck"]["test"][0] == "CMD", name
    assert "ports" not in SERVICES["postgres"]
    assert re.search(r"^USER leadready$", CONTAINERFILE, re.MULTILINE)


def test_no_password_stands_in_the_files_and_none_of_them_is_committed():
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    assert not re.search(r"PASSWORD: (?!/run)|://\w+:(?!\$\$)\w+@", text)
    ignored = subprocess.run(["git", "check-ignore", "deploy/secrets/postgres", "deploy/incoming/x"], cwd=ROOT)
    assert ignored.returncode == 0
    assert "deploy/secrets" in (ROOT / ".dockerignore").read_text()


def test_what_services_name_is_there():
    named = {word for service in SERVICES.values() for word in service.get("secrets", ())}
    assert named == COMPOSE["secrets"].keys()
    volumes = [v.split(":")[0] for service in SERVICES.values() for v in service.get("volumes", ())]
    assert {v for v in volumes if not v.startswith(".")} == COMPOSE["volumes"].keys()
    for service in SERVICES.values():
        for other in service.get("depends_on", {}):
            assert "healthcheck" in SERVICES[other]


def test_what_the_image_copies_is_there():
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split()), line


def test_every_command_of_leadready_in_them_takes_its_options():
    known = typer.main.get_command(cli.app).commands
    typed = [words for name in SERVICES for words in re.findall(r"(?:^|&& )leadready ([^&]*)", shell(name))]
    assert {words.split()[0] for words in typed} == {"init", "deploy", "review"}
    for words in typed:
        name, *options = shlex.split(words)
        known[name].make_context(name, options, resilient_parsing=True)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def here(text, folder, **ports):
    """A line of a service with this machine's folder and ports."""
    text = text.replace("/data", str(folder)).replace("$$", "$").replace("0.0.0.0", "127.0.0.1")
    for inside, outside in ports.items():
        text = text.replace(inside.removeprefix("p"), str(outside))
    return text


def healthy(name, folder, seconds, **ports):
    """Run the health check of a service until it is content."""
    _, *check = SERVICES[name]["healthcheck"]["test"]
    check = [sys.executable, *(here(word, folder, **ports) for word in check[1:])]
    for _ in range(seconds):
        if subprocess.run(check, capture_output=True).returncode == 0:
            return True
        time.sleep(1)
    return False


def start(line, folder, **more):
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "true"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen(["sh", "-c", f"exec {line}"], env=environment | more, cwd=ROOT, **quiet)


def stop(process):
    os.killpg(process.pid, 15)
    process.wait(60)


@pytest.mark.soak
def test_mlflow_runs_with_this_command_and_answers_to_the_name_it_has_there(tmp_path):
    port = free_port()
    process = start(here(shell("mlflow"), tmp_path, p5000=port), tmp_path)
    try:
        assert healthy("mlflow", tmp_path, 120, p5000=port)
        address = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search?max_results=1"
        for host, allowed in ((f"mlflow:{port}", True), ("evil.example:80", False)):
            request = urllib.request.Request(address, headers={"Host": host})
            try:
                assert (urllib.request.urlopen(request, timeout=20).status == 200) is allowed
            except urllib.error.HTTPError as error:
                assert not allowed, host
                error.close()
    finally:
        stop(process)


def test_prefect_and_the_worker_run_with_these_commands(tmp_path):
    """With SQLite, as no PostgreSQL is asked of here."""
    server, worker = free_port(), free_port()
    line = shell("prefect").partition("&& exec ")[2]
    processes = [start(here(line, tmp_path, p4200=server), tmp_path, PREFECT_SERVER_ANALYTICS_ENABLED="false")]
    try:
        assert healthy("prefect", tmp_path, 180, p4200=server)
        more = {"PREFECT_API_URL": f"http://127.0.0.1:{server}/api", "LEADREADY_HOME": str(tmp_path / "workspace")}
        more["PREFECT_WORKER_WEBSERVER_PORT"] = str(worker)
        begin, _, run = here(shell("worker"), tmp_path).partition(" && exec ")
        first = start(f"sh -c {shlex.quote(begin)}", tmp_path, **more)
        assert first.wait(180) == 0
        processes.append(start(run, tmp_path, **more))
        assert healthy("worker", tmp_path, 120, p8080=worker)
    finally:
        for process in reversed(processes):
            stop(process)


def test_the_page_runs_with_this_command_before_anything_was_scored(tmp_path):
    subprocess.run([BIN / "leadready", "init", "-w", tmp_path / "workspace"], check=True, capture_output=True)
    port = free_port()
    home = {"LEADREADY_HOME": str(tmp_path / "workspace")}
    process = start(f"{here(shell('review'), tmp_path)} --port {port}", tmp_path, **home)
    try:
        assert healthy("review", tmp_path, 60, p8321=port)
    finally:
        stop(process)
