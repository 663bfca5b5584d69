"""Settings: every line may be left out, none may be misspelt."""

import tomllib

import pytest

from data.errors import ConfigError
from data.settings import DEFAULT, Settings, read_settings


@pytest.fixture
def path(tmp_path):
    return tmp_path / "settings.toml"


def refused(path):
    with pytest.raises(ConfigError) as caught:
        read_settings(path)
    return str(caught.value)


def test_an_absent_file_gives_the_defaults(path):
    assert read_settings(path) == Settings()


def test_the_file_that_init_writes_states_the_defaults_one_by_one():
    assert Settings.model_validate(tomllib.loads(DEFAULT)) == Settings()
    assert tomllib.loads(DEFAULT).keys() == Settings().model_dump().keys()


def test_a_line_changes_what_it_names_alone(path):
    path.write_text('[cohort]\nanchor = "created"\ndelay_hours = 24\n')
    found = read_settings(path)
    assert found.cohort.name == "created + 24 h"
    assert found.model_copy(update={"cohort": Settings().cohort}) == Settings()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[cohorts]", "cohorts"),
        ("[training]\nfold = 3", "training.fold"),
        ("[training]\nfolds = 0", "training.folds"),
        ("[training]\ntest_share = 1", "training.test_share"),
        ("[label]\nhorizon_days = -1", "label.horizon_days"),
        ("[label]\nhorizon_days = inf", "label.horizon_days"),
        ("[label]\nhorizon_days = 1e300", "label.horizon_days"),
        ("[label]\nexpired = 'ignore'", "label.expired"),
        ("[cohort]\nanchor = 'first_call'", "cohort.anchor"),
        ("[cohort]\ndelay_hours = nan", "cohort.delay_hours"),
        ("[compute]\nmemory = 'much'", "compute.memory"),
        ("[compute]\nthreads = 0", "compute.threads"),
        ("compute = 3", "compute"),
        ("[review]\nport = 0", "review.port"),
        ("[review]\nhost = ''", "review.host"),
        ("[review]\nproxy = 'proxy.example.com'", "review.proxy"),
        ("[review]\nuser_header = 'X_User'", "review.user_header"),
        ("[review]\nnames = ['https://leads.example.com']", "review.names.0"),
        ("[review.roles]\nann = 'boss'", "review.roles.ann"),
        ("[review]\ntokens = 'ann:0123456789'", "review.tokens"),
        ("[freshness]\ncalls_days = 0", "freshness.calls_days"),
        ("time_zone = 'Mars/Olympus'", "time_zone"),
        ("time_zone = 'Europe'", "time_zone"),
        ("time_zone = '../UTC'", "time_zone"),
        ("time_zone = ''", "time_zone"),
        ("time_zone = 2", "time_zone"),
    ],
)
def test_a_slip_is_named_with_its_key(path, text, key):
    path.write_text(text)
    assert refused(path).startswith(f"reading {path}, key {key}: expected ")


def test_a_time_zone_is_one_of_the_worlds(path):
    path.write_text("time_zone = 'Asia/Kathmandu'")
    assert read_settings(path).time_zone == "Asia/Kathmandu"
    path.write_text("time_zone = 'Nepal'")
    assert "key time_zone: expected an IANA time zone such as Europe/Berlin, got 'Nepal'; change it" in refused(path)


@pytest.mark.parametrize(("written", "meant"), [("fold", "folds"), ("horizonday", "horizon_days"), ("lable", "label")])
def test_the_nearest_known_key_is_named(path, written, meant):
    section = {"fold": "[training]\n", "horizonday": "[label]\n"}.get(written, "")
    path.write_text(f"{section}{written} = 3")
    assert f"try {meant}" in refused(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"[cohort", "TOML"), (b"name = \xfc", "a text file in UTF-8"), (b"seed = 1\nseed = 2", "TOML")],
)
def test_what_is_no_toml_in_utf8_is_refused_with_its_place(path, content, expected):
    path.write_bytes(content)
    assert f"reading {path}: expected {expected}, got" in refused(path)


def test_a_folder_in_its_place_is_refused(path):
    path.mkdir()
    assert f"reading {path}: expected" in refused(path)


def test_what_an_earlier_init_wrote_is_read_and_what_is_gone_is_said(tmp_path, caplog):
    path = tmp_path / "settings.toml"
    path.write_text("[training]\nsearch_trials = 0\nsearch_minutes = 10\nseed = 3\n")
    assert read_settings(path).training.seed == 3
    assert "delete search_trials and search_minutes, which no longer have an effect" in caplog.text
