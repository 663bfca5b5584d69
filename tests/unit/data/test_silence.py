"""Who waits for a server that has gone silent goes on with an error; other connections of the process stay."""

import socket
import time
from contextlib import ExitStack

import pytest

from data.silence import Silence


@pytest.fixture
def net():
    """`net()` listens on a port; `net(port)` connects to one."""
    with ExitStack() as opened:

        def net(port=None):
            made = socket.create_connection(("127.0.0.1", port)) if port else socket.create_server(("127.0.0.1", 0))
            return opened.enter_context(made)

        yield net


def port_of(server):
    return server.getsockname()[1]


def fired(silence):
    until = time.monotonic() + 60
    while not silence.fired and time.monotonic() < until:
        time.sleep(0.01)
    return silence.fired


@pytest.mark.parametrize("told", [True, False])
def test_the_connection_is_shut_and_no_other(net, told):
    """Whether it was there before or came later, whether to another port or, once connected, to the same."""
    server, other = net(), net()
    before = net(port_of(server)), net(port_of(other))
    silence = Silence(0.2, f"postgresql://ann@127.0.0.1:{port_of(server)}/crm")
    with silence.watched():
        own = net(port_of(server))
        if told:
            silence.connected()
        later = net(port_of(other)), *[net(port_of(server))] * told
        with silence.waiting():
            assert own.recv(1) == b""
    assert silence.fired
    for stays in (*before, *later):
        stays.settimeout(0.05)
        with pytest.raises(TimeoutError):
            stays.recv(1)


def test_only_a_wait_is_silence(net):
    """Not the time between two, nor that in which the rows to be sent are made."""
    server = net()
    silence = Silence(0.2, f"postgresql://h:{port_of(server)}/crm")
    with silence.watched():
        own = net(port_of(server))
        silence.connected()
        time.sleep(0.4)
        with silence.waiting(), silence.not_waiting():
            time.sleep(0.4)
        assert not silence.fired
        own.sendall(b"x")
        with silence.waiting():
            assert fired(silence)


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h:{}/d", "postgresql://h/d?port={}", "postgresql://a:1,b:{}/d", "postgresql://u:9@h:{}"]
)
def test_the_port_of_an_address_is_found(net, url):
    server = net()
    silence = Silence(0.05, url.format(port_of(server)))
    with silence.watched():
        own = net(port_of(server))
        with silence.waiting():
            assert own.recv(1) == b""


def test_one_on_this_machine_is_known_by_its_name(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / ".s.PGSQL.5432"))
        server.listen()
        silence = Silence(0.05, f"postgresql:///d?host={tmp_path}")
        with silence.watched(), socket.socket(socket.AF_UNIX) as own:
            own.connect(str(tmp_path / ".s.PGSQL.5432"))
            with silence.waiting():
                assert own.recv(1) == b""
