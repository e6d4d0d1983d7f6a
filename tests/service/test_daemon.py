"""The daemon's life: from its address to its last checkpoint."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from argosy.runtime import endpoint
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until

FIRST_FD = 3
ASIDE_FD = 40


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


# -- its address -----------------------------------------------------------------------------------------


def test_a_task_made_over_http_is_downloaded(service: Daemon, server: FaultyServer) -> None:
    task_id = service.add(server.add("/data.bin", BODY))
    service.until_status(task_id, "completed")
    assert (service.folder / "data.bin").read_bytes() == BODY


def test_its_address_is_the_one_line_on_stdout(daemons: Callable[..., Daemon]) -> None:
    daemon = daemons()
    process = daemon.launch("serve", "--port", "0")
    until((daemon.home / "endpoint.json").exists)
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert code == 0
    assert len(out.splitlines()) == 1
    assert out.startswith("http://127.0.0.1:")
    assert "argosy token" in err


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(daemons: Callable[..., Daemon]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = ended(daemons().launch("serve", "--port", str(port)))
    assert (code, out) == (2, "")
    assert f"port {port} of 127.0.0.1 is in use" in err
    assert "--port" in err


@pytest.mark.parametrize("host", ["198.51.100.7", "no such host"])
def test_an_address_that_is_not_ours_is_an_error(daemons: Callable[..., Daemon], host: str) -> None:
    code, _, err = ended(daemons().launch("serve", "--host", host, "--port", "0"))
    assert code == 2
    assert host in err


def test_it_listens_on_ipv6(daemons: Callable[..., Daemon]) -> None:
    service = daemons().start("--host", "::1")
    assert service.url.startswith("http://[::1]:")
    assert service.request("GET", "/version").status == 200


def test_host_and_port_come_from_the_settings(daemons: Callable[..., Daemon]) -> None:
    daemon = daemons(ARGOSY_HOST="127.0.0.2", ARGOSY_PORT="0")
    process = daemon.launch("serve")
    until((daemon.home / "endpoint.json").exists)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[1].startswith("http://127.0.0.2:")


def test_downloads_go_to_the_users_folder_and_not_to_where_it_was_started(
    daemons: Callable[..., Daemon], server: FaultyServer
) -> None:
    service = daemons(ARGOSY_DIRECTORY="").start()
    service.until_status(service.add(server.add("/data.bin", BODY)), "completed")
    assert (service.home / "Downloads" / "data.bin").read_bytes() == BODY


def test_a_directory_may_be_given(daemons: Callable[..., Daemon], server: FaultyServer, tmp_path: Path) -> None:
    service = daemons().start("--directory", str(tmp_path / "there"))
    service.until_status(service.add(server.add("/data.bin", BODY)), "completed")
    assert (tmp_path / "there" / "data.bin").read_bytes() == BODY


def test_a_further_name_may_be_given(daemons: Callable[..., Daemon]) -> None:
    service = daemons().start("--allow-host", "nas.example")
    assert service.request("GET", "/version", headers={"Host": "nas.example"}).status == 200
    assert service.request("GET", "/version", headers={"Host": "evil.example"}).status == 421


def test_private_networks_are_opened_by_name_only(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY)
    closed = daemons(ARGOSY_ALLOW_NETWORK="").start("--allow-network", "10.0.0.0/8")
    assert closed.until_status(closed.add(url), "failed")["error"]["code"] == "address"
    opened = daemons(ARGOSY_ALLOW_NETWORK="").start("--allow-network", "10.0.0.0/8", "--allow-network", "127.0.0.0/8")
    opened.until_status(opened.add(url), "completed")


def test_open_gives_a_link_that_logs_in_where_there_is_no_browser(daemons: Callable[..., Daemon]) -> None:
    service = daemons().start("--open")
    until(lambda: any("/login#code=" in line for line in service.errors))
    link = next(line for line in service.errors if "/login#code=" in line).split()[-1]
    answer = service.request("POST", "/v1/login", {"code": link.partition("#code=")[2]}, token=None)
    assert answer.status == 200
    assert "set-cookie" in answer.headers


# -- how others find it ----------------------------------------------------------------------------------


def test_it_says_where_it_is_while_it_is_there(service: Daemon) -> None:
    file = service.home / "endpoint.json"
    found = endpoint.read(file)
    assert found is not None
    assert (found.url, found.pid) == (service.url, service.pid)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    service.stop()
    assert not file.exists()


def test_what_a_killed_one_said_is_known_to_be_stale(service: Daemon) -> None:
    service.kill9()
    assert (service.home / "endpoint.json").exists()
    assert endpoint.read(service.home / "endpoint.json") is None


def test_a_pid_that_was_given_to_somebody_else_is_no_service(tmp_path: Path) -> None:
    mine = endpoint.of_this_process("http://127.0.0.1:1", None)
    endpoint.write(tmp_path / "e", mine)
    assert endpoint.read(tmp_path / "e") == mine
    kept = json.loads((tmp_path / "e").read_text())
    (tmp_path / "e").write_text(json.dumps(kept | {"started": "1"}))
    assert endpoint.read(tmp_path / "e") is None
    (tmp_path / "e").write_text("{half")
    assert endpoint.read(tmp_path / "e") is None


def test_a_home_has_one_service(service: Daemon) -> None:
    code, out, err = ended(service.launch("serve", "--port", "0"))
    assert (code, out) == (6, "")
    assert f"pid {service.pid}" in err
    assert service.url in err
    assert service.request("GET", "/version").status == 200


# -- the Unix socket -------------------------------------------------------------------------------------


def test_the_unix_socket_is_its_owners_alone(service: Daemon) -> None:
    assert stat.S_IMODE(service.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(service.socket.parent.stat().st_mode) == 0o700
    assert service.request("GET", "/v1/session", local=True).json()["local"] is True
    assert service.request("GET", "/v1/session").json()["local"] is False


def test_the_unix_socket_wants_a_token_too(service: Daemon) -> None:
    assert service.request("GET", "/v1/session", local=True, token=None).status == 401


def test_the_unix_socket_goes_with_the_service_and_one_left_behind_is_replaced(service: Daemon) -> None:
    path = service.socket
    service.kill9()
    assert path.exists()
    service.restart()
    assert service.request("GET", "/version", local=True).status == 200
    service.stop()
    assert not path.exists()


def test_something_else_in_its_place_is_left_alone(daemons: Callable[..., Daemon]) -> None:
    daemon = daemons()
    (daemon.home / "run").mkdir()
    (daemon.home / "run" / "argosy.sock").write_text("mine")
    daemon.start()
    assert json.loads((daemon.home / "endpoint.json").read_text())["socket"] is None
    assert (daemon.home / "run" / "argosy.sock").read_text() == "mine"
    assert daemon.request("GET", "/version").status == 200


def test_a_home_of_a_long_name_has_its_socket_elsewhere(daemons: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = daemons(XDG_RUNTIME_DIR=str(tmp_path))
    daemon.home = daemon.home / ("long" * 25)
    daemon.home.mkdir()
    daemon.start()
    assert daemon.socket.parent == tmp_path / "argosy"
    assert stat.S_IMODE(daemon.socket.parent.stat().st_mode) == 0o700
    assert daemon.request("GET", "/version", local=True).status == 200


# -- how it ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_puts_down_what_has_come_and_the_next_start_goes_on(
    service: Daemon, server: FaultyServer, slow: str, number: signal.Signals
) -> None:
    task_id = service.add(slow)
    until(lambda: service.task(task_id)["received"] > 100_000)
    assert service.stop(number) == 0
    sent = server.bytes_sent("/slow.bin")
    server.set_faults("/slow.bin")
    service.restart()
    service.until_status(task_id, "completed")
    assert server.bytes_sent("/slow.bin") - sent < 4 * 1024 * 1024 - 50_000
    assert (service.folder / "slow.bin").stat().st_size == 4 * 1024 * 1024


def test_kill_9_anywhere_loses_no_task(service: Daemon, server: FaultyServer, slow: str) -> None:
    ids = [service.add(slow), *(service.add(server.add(f"/{n}.bin", BODY)) for n in range(5))]
    service.until_status(ids[0], "running")
    service.kill9()
    server.set_faults("/slow.bin")
    service.restart()
    for task_id in ids:
        service.until_status(task_id, "completed")


def test_a_second_signal_ends_it_at_once(service: Daemon) -> None:
    with closing(service.connect()) as waiting:
        # An answer that is still under way, so that the first signal alone has to wait for it.
        waiting.putrequest("POST", "/v1/tasks")
        waiting.putheader("Authorization", f"Bearer {service.token}")
        waiting.putheader("Content-Type", "application/json")
        waiting.putheader("Content-Length", "100")
        waiting.endheaders(b"{")
        until(lambda: service.request("GET", "/version").status == 200)
        assert service.process is not None
        service.process.send_signal(signal.SIGTERM)
        until(lambda: not (service.home / "endpoint.json").exists())
        began = time.monotonic()
        assert service.stop(signal.SIGTERM) == 128 + signal.SIGTERM
        assert time.monotonic() - began < 5


def test_a_request_under_way_is_answered_before_it_ends(service: Daemon) -> None:
    body = b'{"source": "http://127.0.0.1:9/x"}'
    with closing(service.connect()) as asking:
        asking.putrequest("POST", "/v1/tasks")
        asking.putheader("Authorization", f"Bearer {service.token}")
        asking.putheader("Content-Type", "application/json")
        asking.putheader("Content-Length", str(len(body)))
        asking.endheaders(body[:5])
        until(lambda: service.request("GET", "/version").status == 200)
        assert service.process is not None
        service.process.send_signal(signal.SIGTERM)
        until(lambda: not (service.home / "endpoint.json").exists())
        asking.send(body[5:])
        assert asking.getresponse().status == 202
    assert service.ended() == 0


def test_sighup_reads_the_level_of_the_log_again(service: Daemon) -> None:
    def lines() -> list[dict[str, object]]:
        file = service.home / "argosy.log"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    service.request("GET", "/version")
    assert not any(line["action"] == "http.request" for line in lines())
    (service.home / "config.toml").write_text('log_level = "info"\n')
    os.kill(service.pid, signal.SIGHUP)
    until(lambda: any(line["action"] == "service.log_level_read" for line in lines()))
    service.request("GET", "/version?canary=1")
    until(lambda: any(line["action"] == "http.request" for line in lines()))
    assert "canary" not in (service.home / "argosy.log").read_text()


# -- systemd ---------------------------------------------------------------------------------------------


@pytest.fixture
def told(tmp_path: Path) -> Iterator[socket.socket]:
    """Where the service tells what systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(str(tmp_path / "notify"))
        hearing.settimeout(20)
        yield hearing


def facts(hearing: socket.socket) -> list[str]:
    return hearing.recv(4096).decode().splitlines()


def test_systemd_hears_when_it_is_ready_and_when_it_stops(daemons: Callable[..., Daemon], told: socket.socket) -> None:
    service = daemons(NOTIFY_SOCKET=told.getsockname()).start()
    assert facts(told) == ["READY=1", f"STATUS=serving {service.url}"]
    service.stop()
    assert facts(told)[0] == "STOPPING=1"


def test_the_watchdog_is_fed_in_time(daemons: Callable[..., Daemon], told: socket.socket) -> None:
    daemons(NOTIFY_SOCKET=told.getsockname(), WATCHDOG_USEC="400000").start()
    heard: list[float] = []
    while len(heard) < 5:
        if facts(told) == ["WATCHDOG=1"]:
            heard.append(time.monotonic())
    assert max(later - earlier for earlier, later in itertools.pairwise(heard)) < 0.4


def test_a_watchdog_of_another_process_is_not_fed(daemons: Callable[..., Daemon], told: socket.socket) -> None:
    service = daemons(NOTIFY_SOCKET=told.getsockname(), WATCHDOG_USEC="100000", WATCHDOG_PID="1").start()
    service.stop()
    assert facts(told)[0] == "READY=1"
    assert facts(told)[0] == "STOPPING=1"


def launched(daemon: Daemon, *sockets: socket.socket) -> Daemon:
    """The daemon, started as systemd does it: the sockets are its descriptors from 3 on, and its environment has its pid."""
    numbers = [each.fileno() for each in sockets]
    # First out of the way, then into place: a number that is wanted may be that of a socket not moved yet.
    script = (
        " ".join(["exec", *(f"{ASIDE_FD + at}<&{number}" for at, number in enumerate(numbers))])
        + "; exec "
        + " ".join(f"{FIRST_FD + at}<&{ASIDE_FD + at} {ASIDE_FD + at}<&-" for at in range(len(numbers)))
        + f'; export LISTEN_PID=$$ LISTEN_FDS={len(numbers)}; exec "$@"'
    )
    daemon.before = ["/bin/bash", "-c", script, "sh"]
    return daemon.start(pass_fds=numbers)


def test_it_takes_the_sockets_that_systemd_passes(daemons: Callable[..., Daemon], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "given.sock"))
        unix.listen()
        service = launched(daemons(), tcp, unix)
        assert service.port == tcp.getsockname()[1]
        assert service.socket == tmp_path / "given.sock"
        assert service.request("GET", "/v1/session", local=True).json()["local"] is True
        service.stop()
        assert (tmp_path / "given.sock").exists(), "it is systemd's"


def test_requests_that_came_before_it_was_there_are_answered(daemons: Callable[..., Daemon]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.create_connection(tcp.getsockname()) as early:
        early.sendall(
            f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{tcp.getsockname()[1]}\r\nConnection: close\r\n\r\n".encode()
        )
        launched(daemons(), tcp)
        early.settimeout(10)
        assert early.recv(100).startswith(b"HTTP/1.1 200")


def test_sockets_that_were_passed_to_another_process_are_none_of_ours(daemons: Callable[..., Daemon]) -> None:
    service = daemons(LISTEN_PID="1", LISTEN_FDS="1").start()
    assert service.request("GET", "/version").status == 200


# -- bounds before anybody has looked --------------------------------------------------------------------


def said(service: Daemon, *parts: bytes) -> bytes:
    """Return what comes back for what is sent, until the service closes."""
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.settimeout(20)
        for part in parts:
            try:
                connection.sendall(part)
            except ConnectionError:
                break
        answer = b""
        try:
            while data := connection.recv(65_536):
                answer += data
        except ConnectionResetError:
            pass
        return answer


def test_a_head_without_end_is_refused(service: Daemon) -> None:
    assert said(service, b"GET / HTTP/1.1\r\nX: ", *[b"x" * 16_384] * 8).startswith(b"HTTP/1.1 431")
    assert said(service, b"GET /" + b"x" * 100_000).startswith(b"HTTP/1.1 431")


def test_too_many_fields_are_refused(service: Daemon) -> None:
    fields = b"".join(b"X-%d: y\r\n" % n for n in range(500))
    assert said(service, b"GET /health HTTP/1.1\r\n" + fields + b"\r\n").startswith(b"HTTP/1.1 431")


def test_a_large_body_is_no_large_head(service: Daemon) -> None:
    body = json.dumps({"source": "http://127.0.0.1:9/" + "x" * 1500, "nothing": "y" * 60_000}).encode()
    for _ in range(2):
        answer = service.request("POST", "/v1/tasks", body=body, headers={"Content-Type": "application/json"})
        assert answer.status == 422


def test_nonsense_is_answered_and_the_service_goes_on(service: Daemon) -> None:
    assert said(service, b"\x16\x03\x01\x02\x00 not http\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert service.request("GET", "/version").status == 200
