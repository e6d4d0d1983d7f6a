"""The list: filters, orders, pages that stay right, and polling for what has changed."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from argosy.service.asking.paging import CHOICES
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon


def add(service: Daemon, *names: str, **more: object) -> list[str]:
    many = [{"source": f"http://127.0.0.1:9/{name}", "paused": True, **more} for name in names]
    answer = service.request("POST", "/v1/tasks", {"tasks": many}).json()
    return [each["task"]["id"] for each in answer["tasks"]]


def listed(service: Daemon, query: str = "") -> list[str]:
    answer = service.request("GET", f"/v1/tasks?{query}")
    assert answer.status == 200, answer.body
    return [task["id"] for task in answer.json()["tasks"]]


def test_the_newest_come_first_unless_another_order_is_asked_for(service: Daemon) -> None:
    ids = add(service, "a", "b", "c")
    assert listed(service) == ids[::-1]
    assert listed(service, "order_by=number") == listed(service, "order_by=created_at") == ids
    assert listed(service, "order_by=number&after=1") == ids[1:]


def test_filters_narrow_the_list(service: Daemon, server: FaultyServer) -> None:
    first, second = add(service, "one.zip", "two.zip")
    done = service.add(server.add("/three.bin", BODY))
    service.until_status(done, "completed")
    assert listed(service, "status=paused&order_by=number") == [first, second]
    assert listed(service, "status=paused,failed&q=TWO") == [second]
    assert listed(service, "status=completed&status=paused") == [done, second, first]
    assert listed(service, "host=127.0.0.1:9&q=one") == [first]
    moment = quote(service.task(done)["created_at"].replace("Z", "+00:00"))
    assert listed(service, f"created_after={moment}") in ([done], [])
    assert listed(service, f"finished_after={moment}") == [done]
    assert listed(service, f"finished_before={moment}") == []


def test_the_list_can_be_sorted_by_each_of_its_orders(service: Daemon) -> None:
    (low,) = add(service, "a", priority=-1)
    (high,) = add(service, "b", priority=7)
    for order in CHOICES:
        wanted = set() if "finished" in order else {low, high}
        assert set(listed(service, f"order_by={order}")) == wanted
    assert listed(service, "order_by=-priority") == [high, low]


@pytest.mark.parametrize("order", ["number", "-number", "-priority", "name", "total", "updated_at"])
def test_pages_have_each_task_once_while_others_are_added(service: Daemon, order: str) -> None:
    ids = set(add(service, *(f"{n}" for n in range(25))))
    found: list[str] = []
    path = f"/v1/tasks?order_by={order}&page_size=7"
    for n in range(20):
        answer = service.request("GET", path)
        found += [task["id"] for task in answer.json()["tasks"]]
        add(service, f"later-{n}", priority=-9)
        if answer.json()["next_page_token"] is None or ids <= set(found):
            break
        link = answer.headers["link"]
        assert link.endswith('; rel="next"')
        path = link[1 : link.index(">")]
        assert parse_qs(urlsplit(path).query)["page_token"] == [answer.json()["next_page_token"]]
    assert ids <= set(found)
    assert len(found) == len(set(found))


NONSENSE = (
"order_by=number;drop table tasks", "order_by=1) UNION SELECT * FROM specs --", "order_by=rank", "order_by=--number",
     "page_token=x", "page_token=%00", "page_token=" + "A" * 5000, "page_token=bnVsbA", "page_token=WzEsMiwzXQ",
     "page_token=WyItbnVtYmVyIiwxZTQwMCxudWxsXQ", "page_token=WyItbnVtYmVyIiwiMSBPUiAxPTEiLG51bGxd",
     "page_token=WyItbnVtYmVyIiw5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5LG51bGxd", "page_size=0", "page_size=1001", "page_size=x",
     "status=running' OR '1'='1", "status=nope", "fields=id,secret", "after=-1", "after=1&order_by=name",
     "after=99999999999999999999999999", "created_after=yesterday", "created_after=2026-01-01", "updated_after_seq=-1",
     "updated_after_seq=1&status=paused", "counts=maybe", "host=" + "x" * 400,
)  # fmt: skip


def test_a_query_that_makes_no_sense_is_refused_with_a_hint(service: Daemon) -> None:
    for query in NONSENSE:
        answer = service.request("GET", f"/v1/tasks?{quote(query, safe='=&%')}")
        assert (query, answer.status, answer.headers["content-type"]) == (query, 422, "application/problem+json")
        assert answer.json()["code"]
        assert answer.json()["hint"]


def test_what_is_searched_for_is_text_and_nothing_else(service: Daemon) -> None:
    add(service, "plain")
    for text in ("'", "' OR 1=1 --", "%", "_", "\\", "a\x00b", "\x00", "😀", '"; DROP TABLE tasks; --', "**", "[a-z]"):
        assert (text, listed(service, f"q={quote(text)}")) == (text, [])
        assert (text, listed(service, f"host={quote(text)}")) == (text, [])
    assert len(listed(service)) == 1


def test_a_token_of_one_order_is_no_token_of_another(service: Daemon) -> None:
    add(service, "a", "b", "c")
    token = service.request("GET", "/v1/tasks?page_size=1").json()["next_page_token"]
    assert service.request("GET", f"/v1/tasks?page_size=1&page_token={token}").status == 200
    assert service.request("GET", f"/v1/tasks?order_by=name&page_token={token}").json()["code"] == "page_token"


def test_members_and_counts_come_as_asked_for(service: Daemon) -> None:
    (task_id,) = add(service, "a")
    page = service.request("GET", "/v1/tasks?fields=id,status&counts=true").json()
    assert page["tasks"] == [{"id": task_id, "status": "paused"}]
    assert page["counts"]["paused"] == 1
    assert service.request("GET", "/v1/tasks").json()["counts"] is None


def test_who_polls_is_told_when_nothing_has_changed(service: Daemon) -> None:
    (task_id,) = add(service, "a")
    tag = service.request("GET", "/v1/tasks").headers["etag"]
    again = service.request("GET", "/v1/tasks", headers={"If-None-Match": f'"x", {tag}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    service.request("PATCH", f"/v1/tasks/{task_id}", {"priority": 1})
    assert service.request("GET", "/v1/tasks", headers={"If-None-Match": tag}).status == 200


def test_who_polls_with_the_last_number_gets_what_has_changed_since(service: Daemon, slow: str) -> None:
    kept, gone = add(service, "a", "b")
    seq = service.request("GET", "/v1/tasks").json()["seq"]
    assert service.request("GET", f"/v1/tasks?updated_after_seq={seq}").json()["tasks"] == []
    service.request("POST", f"/v1/tasks/{kept}/cancel")
    service.request("DELETE", f"/v1/tasks/{gone}")
    changes = service.request("GET", f"/v1/tasks?updated_after_seq={seq}").json()
    assert ([task["id"] for task in changes["tasks"]], changes["removed"]) == ([kept], [gone])
    assert (changes["more"], changes["reset"]) == (False, False)
    running = service.add(slow)
    service.until_status(running, "running")
    now = service.request("GET", f"/v1/tasks?updated_after_seq={service.request('GET', '/v1/tasks').json()['seq']}")
    assert [task["id"] for task in now.json()["tasks"]] == [running]
    assert now.headers["retry-after"] == "1"


def test_a_number_from_another_store_says_to_begin_anew(service: Daemon) -> None:
    add(service, "a")
    assert service.request("GET", "/v1/tasks?updated_after_seq=99999").json()["reset"]


def test_an_id_is_found_by_its_beginning(service: Daemon) -> None:
    (task_id,) = add(service, "a")
    assert service.request("GET", f"/v1/tasks/resolve?prefix={task_id[:6]}").json() == {"id": task_id}
    assert service.request("GET", "/v1/tasks/resolve?prefix=zz").status == 404
