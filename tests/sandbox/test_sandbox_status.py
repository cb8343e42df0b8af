"""The page for people."""

from __future__ import annotations

import re

URL = "studentCTEProgramAssociations"


def page(api, query=""):
    """The page's text without its tags."""
    answer = api.get(f"/control{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text, flags=re.S))


def test_it_tells_what_is_in_the_ods_and_who_may_come_in(api):
    api.post(URL, api.association())
    text = page(api)
    assert "Ed-Fi ODS/API 7.3 with Data Standard 5.2, errors as problem-details" in text
    assert f"{URL} 1 " in text
    assert " students 2 " in text
    assert "roster-vendor Roster Vendor Briar Hollow 628101, Fen Marsh 628202" in text
    assert "unrestricted Unrestricted not checked" in text


def test_it_shows_the_last_requests_and_refusals_by_client(api):
    api.post("/control/counters/reset", None)
    assert "Nothing was refused yet." in page(api)
    api.post(URL, api.association())
    api.post(URL, {})
    api.get("students", headers={"Authorization": "Bearer x"})
    text = page(api)
    assert "3 requests answered 2 asked to write 2 refused or failed" in text
    assert "briar-hollow POST studentCTEProgramAssociations 201" in text
    assert "GET students 401 Authentication Failed" in text
    assert "POST studentCTEProgramAssociations 400 Data Validation Failed $.educationOrganizationRef" in text


def test_it_names_no_student_and_no_secret_and_quotes_only_on_request(api):
    api.post(URL, api.association(student="S-40072", beginDate="Canary"))
    api.get(URL, params={"studentUniqueId": "S-40072"})
    api.post(URL, api.association(reasonExitedDescriptor="Canary"))
    quiet, loud = page(api), page(api, "?texts=show")
    for hidden in ("S-4007", "Quill", *(client["secret"] for client in api.clients().values())):
        assert hidden not in quiet + loud
    assert "Canary" not in quiet
    assert "ReasonExitedDescriptor value &#39;Canary&#39; is not a valid value" in loud


def test_it_lists_faults_and_reads_itself_again_on_request(api):
    api.put("/control/faults", [{"method": "POST", "status": [500, 503], "rate": 0.2}])
    assert "Faults on purpose method POST , status [500, 503] , rate 0.2 Last refusals" in page(api)
    assert 'http-equiv="refresh" content="5"' in api.get("/control/?every=5").text
    assert "http-equiv" not in api.get("/control?every=soon").text


def test_it_asks_nothing_of_another_machine(api):
    found = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')> ]+)""", api.get("/control").text)
    assert {link for link in found if not link.startswith("?")} == {"data:,"}
