"""The samples of the starter mappings: one made-up company of 30 leads in the layout of each CRM.

`python -m tests.starters` writes them to data/starters/<source>/sample; a test compares them with what lies there.
Its story: every third lead is handed off; of these three are accepted, four rejected and three not answered.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

STARTERS = Path(__file__).parents[1] / "data/starters"
LEADS = range(1, 31)
OUTCOMES = ("connected", "no answer", "left voicemail", "busy")
GUIDS = {
    "connected": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
    "no answer": "73a0d17f-1163-4015-bdd5-ec830791da20",
    "left voicemail": "b2cf5968-551e-4856-9783-52b3da59a7d0",
    "busy": "9d9162e7-6cf3-4944-bf63-4dff82258764",
    "Ringing bell": "0b1a7c52-0000-4000-8000-000000000001",
}
STATUSES = {"accepted": "Closed - Converted", "rejected": "Closed - Not Converted"}
Table = list[dict[str, object]]


def created(i: int) -> datetime:
    return datetime(2025, 11, 1, 9) + timedelta(days=i)


def handed(i: int) -> datetime | None:
    return created(i) + timedelta(days=5, hours=1) if i % 3 == 0 else None


def decided(i: int) -> tuple[str, datetime] | None:
    if i % 9 == 0:
        return "accepted", created(i) + timedelta(days=7, hours=6)
    return ("rejected", created(i) + timedelta(days=8, hours=6)) if i % 9 == 3 else None


def calls() -> list[tuple[int, datetime, str, int]]:
    """Lead, moment, outcome and seconds; the last one has an outcome of the portal's own."""
    first = [
        (i, created(i) + timedelta(days=2, hours=2), OUTCOMES[i // 2 % 4], 60 * (i % 5)) for i in LEADS if i % 2 == 0
    ]
    second = [(i, created(i) + timedelta(days=2, hours=5), "connected", 300) for i in LEADS if i % 6 == 0]
    return [*first, *second, (1, created(1) + timedelta(days=3), "Ringing bell", 60)]


def forms() -> list[tuple[int, datetime]]:
    return [(i, created(i) - timedelta(minutes=30 * (i % 3))) for i in LEADS if i % 2 == 1]


def deals() -> list[tuple[int, bool | None]]:
    return [(9, True), (18, False), (27, None)]


def learned() -> list[tuple[int, str, str]]:
    """Lead, criterion and text: of every third lead need and budget, one refusal, and one level of no agreement."""
    known = [
        (i, name, word) for i in LEADS if i % 3 == 0 for name, word in (("need", "Active"), ("budget", "Approved"))
    ]
    return [*known, (7, "budget", "refused"), (8, "timeframe", "Some day")]


def word(i: int, name: str) -> str:
    return next((w for lead, n, w in learned() if (lead, n) == (i, name)), "")


def company(i: int) -> int:
    return i % 12 + 1


def employees(k: int) -> str:
    return "25-50" if k == 3 else str(40 * k)


def country(i: int) -> str:
    return ("DE", "FR", "NL")[i % 3]


def no_mail(i: int) -> bool:
    return i in (4, 10)


def no_call(i: int) -> bool:
    return i in (5, 10)


def minutes(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def zulu(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.000Z}" if at else ""


def hubspot() -> dict[str, Table]:
    name = "hubspot-crm-exports-all-{}-2026-01-05.csv"
    forms_of = dict(forms())
    contacts: Table = []
    for i in LEADS:
        outcome = decided(i)
        accepted, rejected = ((outcome if outcome and outcome[0] == w else None) for w in ("accepted", "rejected"))
        contacts.append(
            {
                "Record ID": 50_000_000_000 + i,
                "First Name": f"Sample {i}",
                "Email": f"sample{i}@example.invalid",
                "Job Title": "Head of Logistics" if i % 2 else "Buyer",
                "Create Date": minutes(created(i)),
                "Lifecycle Stage": "Lead",
                "Lead Status": "Bad timing" if rejected else "",
                "Country/Region": country(i),
                "Company size": employees(company(i)),
                "Original Traffic Source": "Organic Search" if i % 2 else "Offline Sources",
                "First Conversion": "Price list: form" if i in forms_of else "",
                "First Conversion Date": minutes(forms_of.get(i)),
                "Recent Conversion": "Price list: form" if i in forms_of else "",
                "Recent Conversion Date": minutes(forms_of.get(i)),
                "Number of Pageviews": 3 * i,
                "Became a Marketing Qualified Lead Date": minutes(handed(i)),
                "Became a Sales Qualified Lead Date": minutes(accepted and accepted[1]),
                "Became an Opportunity Date": "",
                "Date unqualified": f"{rejected[1]:%Y-%m-%d}" if rejected else "",
                "Unsubscribed from all email": "true" if no_mail(i) else "",
                "Budget": word(i, "budget"),
                "Need": word(i, "need"),
                "Timeframe": word(i, "timeframe"),
                "Associated Company IDs (Primary)": 90_000_000_000 + company(i),
            }
        )
    companies: Table = [
        {
            "Record ID": 90_000_000_000 + k,
            "Company name": f"Sample Company {k}",
            "Industry": "COMPUTER_SOFTWARE" if k % 2 else "MACHINERY",
            "Number of Employees": employees(k),
            "Annual Revenue": 1_000_000 * k,
            "Country/Region": country(k),
        }
        for k in range(1, 13)
    ]
    talked: Table = [
        {
            "Record ID": 70_000_000_000 + n,
            "Call Title": "Call",
            "Activity date": minutes(at),
            "Activity assigned to": "Agent A",
            "Call outcome": outcome.capitalize() if outcome in OUTCOMES else outcome,
            "Call duration": 1000 * seconds,
            "Associated Contact IDs": 50_000_000_000 + i,
        }
        for n, (i, at, outcome, seconds) in enumerate(calls())
    ]
    sold: Table = [
        {
            "Record ID": 80_000_000_000 + i,
            "Deal Name": f"Sample deal {i}",
            "Deal Stage": {True: "Closed won", False: "Closed lost", None: "Contract sent"}[won],
            "Amount": 1000 * i,
            "Create Date": minutes(decided(i)[1]),
            "Close Date": "2025-12-28" if won is not None else "2026-03-31",
            "Associated Contact IDs": f"{50_000_000_000 + i};{50_000_000_000 + i + 1}",
        }
        for i, won in deals()
    ]
    tables = {"contacts": contacts, "companies": companies, "calls": talked, "deals": sold}
    return {name.format(object_name): rows for object_name, rows in tables.items()}


def hubspot_warehouse() -> dict[str, Table]:
    history: Table = []

    def changed(i: int, name: str, value: str, at: datetime) -> None:
        row = {"contact_id": 50_000_000_000 + i, "name": name, "value": value, "timestamp": zulu(at)}
        history.append({**row, "source": "CRM_UI"})

    for i in LEADS:
        changed(i, "lifecyclestage", "lead", created(i))
        if at := handed(i):
            changed(i, "lifecyclestage", "marketingqualifiedlead", at)
        match decided(i):
            case "accepted", at:
                changed(i, "lifecyclestage", "salesqualifiedlead", at)
                changed(i, "lifecyclestage", "opportunity", at + timedelta(hours=1))
            case "rejected", at:
                changed(i, "hs_lead_status", "BAD_TIMING", at)
    for i, criterion, text in learned():
        changed(i, criterion, text, created(i) + timedelta(days=2, hours=2))
    contacts: Table = [
        {
            "id": 50_000_000_000 + i,
            "property_email": f"sample{i}@example.invalid",
            "property_createdate": zulu(created(min(i, 30))),
            "property_jobtitle": "Head of Logistics" if i % 2 else "Buyer",
            "property_country": country(i),
            "property_hs_analytics_source": "ORGANIC_SEARCH" if i % 2 else "OFFLINE",
            "property_hs_email_optout": "true" if no_mail(i) else "",
            "property_associatedcompanyid": 90_000_000_000 + company(i),
            "property_lifecyclestage": "lead",
            "_fivetran_deleted": "true" if i == 31 else "false",
        }
        for i in (*LEADS, 31)
    ]
    companies: Table = [
        {
            "id": 90_000_000_000 + k,
            "property_name": f"Sample Company {k}",
            "property_industry": "COMPUTER_SOFTWARE" if k % 2 else "MACHINERY",
            "property_numberofemployees": employees(k),
            "is_deleted": "false",
        }
        for k in range(1, 13)
    ]
    engagement: Table = [
        {
            "engagement_id": 70_000_000_000 + n,
            "property_hs_timestamp": zulu(at),
            "property_hs_createdate": zulu(at),
            "property_hubspot_owner_id": 11,
            "property_hs_call_disposition": GUIDS[outcome],
            "property_hs_call_duration": 1000 * seconds,
            "property_hs_call_status": "COMPLETED",
        }
        for n, (_, at, outcome, seconds) in enumerate(calls())
    ]
    about: Table = [
        {"engagement_id": 70_000_000_000 + n, "contact_id": 50_000_000_000 + call[0]} for n, call in enumerate(calls())
    ]
    mails: Table = [
        {
            "id": f"mail-{i}",
            "type": kind,
            "created": zulu(at),
            "recipient": f"Sample{i}@example.invalid",
            "email_campaign_id": 7,
            "filtered_event": "true" if i == 1 else "false",
            "obsoleted_by_id": "",
        }
        for kind in ("CLICK", "DELIVERED")
        for i, at in forms()
    ]
    stages: Table = [
        {"stage_id": "won", "label": "Closed won", "is_closed": "true", "closed_won": "true"},
        {"stage_id": "lost", "label": "Closed lost", "is_closed": "true", "closed_won": "false"},
        {"stage_id": "open", "label": "Contract sent", "is_closed": "false", "closed_won": "false"},
    ]
    sold: Table = [
        {
            "deal_id": 80_000_000_000 + i,
            "deal_pipeline_stage_id": {True: "won", False: "lost", None: "open"}[won],
            "property_amount": 1000 * i,
            "property_createdate": zulu(decided(i)[1]),
            "property_closedate": "2025-12-28T10:00:00Z",
            "is_deleted": "false",
        }
        for i, won in deals()
    ]
    linked: Table = [
        {"deal_id": 80_000_000_000 + i, "contact_id": 50_000_000_000 + i + more} for i, _ in deals() for more in (1, 0)
    ]
    return {
        "contact.csv": contacts,
        "company.csv": companies,
        "contact_property_history.csv": history,
        "engagement_call.csv": engagement,
        "engagement_contact.csv": about,
        "email_event.csv": mails,
        "deal.csv": sold,
        "deal_contact.csv": linked,
        "deal_pipeline_stage.csv": stages,
    }


def sf(prefix: str, i: int) -> str:
    """An id of 18 characters: no capitals among the letters of the serial number."""
    return f"{prefix}5e00000{i:05d}AAA"


def salesforce() -> dict[str, Table]:
    history: Table = []

    def changed(i: int, field: str, value: str, at: datetime) -> None:
        number, before = len(history) + 1, "Open - Not Contacted" if field == "Status" else ""
        row = {"Id": sf("017", number), "IsDeleted": 0, "LeadId": sf("00Q", i), "CreatedById": sf("005", i % 2)}
        history.append({**row, "CreatedDate": zulu(at), "Field": field, "OldValue": before, "NewValue": value})

    for i in LEADS:
        if at := handed(i):
            changed(i, "Status", "Working - Contacted", at)
        match decided(i):
            case result, at if i != 27:  # was converted without a history of its status
                changed(i, "Status", STATUSES[result], at)
    for i, criterion, text in learned():
        if i != 7:  # has no history
            changed(i, f"{criterion.title()}__c", text, created(i) + timedelta(days=2, hours=2))
    people: Table = []
    for i in (*LEADS, 31):
        won = bool(decided(i)) and decided(i)[0] == "accepted"
        people.append(
            {
                "Id": sf("00Q", i),
                "IsDeleted": int(i == 31),
                "MasterRecordId": sf("00Q", 1) if i == 31 else "",
                "LastName": f"Sample {i}",
                "Title": "Head of Logistics" if i % 2 else "Buyer",
                "Company": f"Sample Company {company(i)}",
                "Country": country(i),
                "Email": f"sample{i}@example.invalid",
                "LeadSource": "Web" if i % 2 else "Trade Show",
                "Status": STATUSES["accepted"] if won else "Open - Not Contacted",
                "Industry": "Software" if company(i) % 2 else "Machinery",
                "AnnualRevenue": 1_000_000 * company(i),
                "NumberOfEmployees": 40 * company(i),
                "OwnerId": sf("005", 1),
                "HasOptedOutOfEmail": int(no_mail(i)),
                "DoNotCall": int(no_call(i)),
                "IsConverted": int(won),
                "ConvertedDate": f"{decided(i)[1]:%Y-%m-%d}" if won else "",
                "ConvertedContactId": sf("003", i) if won else "",
                "ConvertedOpportunityId": sf("006", i) if won else "",
                "CreatedDate": zulu(created(min(i, 30))),
                "Budget__c": word(i, "budget"),
                "Need__c": word(i, "need"),
                "Timeframe__c": word(i, "timeframe"),
            }
        )
    tasks: Table = [
        {
            "Id": sf("00T", n),
            "WhoId": sf("003", i) if i == 18 else sf("00Q", i),
            "IsDeleted": 0,
            "IsClosed": 1,
            "TaskSubtype": "Call",
            "OwnerId": sf("005", 2),
            "CallDurationInSeconds": seconds,
            "CallDisposition": outcome,
            "CreatedDate": zulu(at),
            "CompletedDateTime": zulu(at),
            "ActivityDate": f"{at:%Y-%m-%d}",
        }
        for n, (i, at, outcome, seconds) in enumerate(calls())
    ]
    tasks.append({**tasks[0], "Id": sf("00T", 90), "IsClosed": 0})
    tasks.append({**tasks[0], "Id": sf("00T", 91), "TaskSubtype": "Email"})
    tasks.append({**tasks[0], "Id": sf("00T", 92), "WhoId": sf("003", 99)})
    campaigns: Table = [{"Id": sf("701", 1), "Name": "Price list", "Type": "Content"}]
    members: Table = [
        {
            "Id": sf("00v", i),
            "IsDeleted": 0,
            "CampaignId": sf("701", 1),
            "LeadId": sf("00Q", i),
            "Status": "Responded",
            "HasResponded": 1,
            "FirstRespondedDate": f"{at:%Y-%m-%d}",
        }
        for i, at in forms()
    ]
    members.append({**members[0], "Id": sf("00v", 90), "Status": "Sent", "HasResponded": 0, "FirstRespondedDate": ""})
    sold: Table = [
        {
            "Id": sf("006", i),
            "IsDeleted": 0,
            "StageName": {True: "Closed Won", False: "Closed Lost", None: "Proposal"}[won],
            "Amount": 1000 * i,
            "CloseDate": "2025-12-28" if won is not None else "2026-03-31",
            "IsClosed": int(won is not None),
            "IsWon": int(won is True),
            "CreatedDate": zulu(decided(i)[1]),
        }
        for i, won in deals()
    ]
    return {
        "Lead.csv": people,
        "LeadHistory.csv": history,
        "Task.csv": tasks,
        "Campaign.csv": campaigns,
        "CampaignMember.csv": members,
        "Opportunity.csv": sold,
    }


def salesforce_warehouse() -> dict[str, Table]:
    return {
        f"{snake(Path(name).stem)}.csv": [
            {**{snake(column): value for column, value in row.items()}, "_fivetran_deleted": "false"} for row in rows
        ]
        for name, rows in salesforce().items()
    }


def snake(name: str) -> str:
    """A Salesforce name as Fivetran writes it.

    >>> snake("CallDurationInSeconds"), snake("Budget__c"), snake("CompletedDateTime")
    ('call_duration_in_seconds', 'budget_c', 'completed_date_time')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("__", "_").lower()


def in_snake_case(sql: str) -> str:
    """A mapping of the data export as one of the tables that Fivetran syncs, where deleted rows stay for ever."""
    sql = re.sub(r'is_yes\((\w\.)?"IsDeleted"\)', r"(is_yes(\1is_deleted) OR is_yes(\1_fivetran_deleted))", sql)
    sql = re.sub(r'"(\w+)"', lambda found: snake(found[1]), sql)
    sql = sql.replace("raw_leadhistory", "raw_lead_history").replace("raw_campaignmember", "raw_campaign_member")
    named = re.compile(r"(?<=-- )(reads|optional): (.*)")
    return named.sub(lambda found: f"{found[1]}: {', '.join(snake(n) for n in found[2].split(', '))}", sql)


def dynamics() -> dict[str, Table]:
    name = "{} 1-5-2026 6-15-00 PM.csv"
    options = {"Active": "Must have", "Approved": "Will Buy", "Some day": "Some day"}

    def guid(kind: int, i: int) -> str:
        return f"{{A{kind:07d}-0000-4000-8000-{i:012d}}}"

    leads: Table = []
    for i in (*LEADS, 31):
        outcome = decided(i) if i in LEADS else None
        state = {"accepted": "Qualified", "rejected": "Disqualified"}[outcome[0]] if outcome else "Open"
        reason = {"Qualified": "Qualified", "Disqualified": "No Longer Interested", "Open": "New"}[state]
        leads.append(
            {
                "(Do Not Modify) Lead": guid(1, i),
                "(Do Not Modify) Row Checksum": "x",
                "(Do Not Modify) Modified On": minutes(outcome[1] if outcome else created(min(i, 30))),
                "Name": f"Sample Person {min(i, 30)}" if i == 31 else f"Sample Person {i}",
                "Topic": "Price list",
                "Job Title": "Head of Logistics" if i % 2 else "Buyer",
                "Company Name": f"Sample Company {company(i)}",
                "Country/Region": country(i),
                "Lead Source": "Web" if i % 2 else "Trade Show",
                "Industry": "Consulting" if company(i) % 2 else "Wholesale",
                "No. of Employees": f"{40 * company(i):,}",
                "Annual Revenue": 1_000_000 * company(i),
                "Status": state,
                "Status Reason": "Contacted" if i == 15 else reason,
                "Created On": minutes(created(min(i, 30))),
                "Modified On": minutes(outcome[1] if outcome else created(min(i, 30))),
                "Handed Over On": minutes(handed(i) if i in LEADS and i != 15 else None),
                "Budget": options.get(word(i, "budget"), ""),
                "Need": options.get(word(i, "need"), ""),
                "Purchase Timeframe": options.get(word(i, "timeframe"), "Unknown"),
                "Do not allow Phone Calls": "Do Not Allow" if no_call(i) else "Allow",
                "Do not allow Emails": "Do Not Allow" if no_mail(i) else "Allow",
                "Merged": "Yes" if i == 31 else "No",
            }
        )
    talked: Table = [
        {
            "(Do Not Modify) Phone Call": guid(2, n),
            "Regarding": f"Sample Person {i}",
            "Activity Status": "Completed",
            "Actual Start": minutes(at),
            "Left Voice Mail": "Yes" if outcome == "left voicemail" else "No",
            "Duration": f"{seconds // 60} minutes",
            "Owner": "Agent A",
        }
        for n, (i, at, outcome, seconds) in enumerate(calls())
    ]
    talked.append({**talked[0], "(Do Not Modify) Phone Call": guid(2, 90), "Activity Status": "Open"})
    done: Table = [
        {
            "(Do Not Modify) Activity": guid(3, i),
            "Subject": "Price list",
            "Regarding": f"Sample Person {i}",
            "Activity Type": kind,
            "Created On": minutes(at),
        }
        for kind in ("Campaign Response", "Task")
        for i, at in forms()
    ]
    sold: Table = [
        {
            "(Do Not Modify) Opportunity": guid(4, i),
            "Originating Lead": f"Sample Person {i}" if i != 27 else "",
            "Status": {True: "Won", False: "Lost", None: "Open"}[won],
            "Est. Revenue": 1000 * i,
            "Actual Revenue": 1100 * i if won else "",
            "Actual Close Date": "2025-12-28" if won is not None else "",
            "Created On": minutes(decided(i)[1]),
        }
        for i, won in deals()
    ]
    tables = {"All Leads": leads, "All Phone Calls": talked, "All Activities": done, "All Opportunities": sold}
    return {name.format(view): rows for view, rows in tables.items()}


SAMPLES: dict[str, Callable[[], dict[str, Table]]] = {
    "hubspot": hubspot,
    "hubspot-warehouse": hubspot_warehouse,
    "salesforce": salesforce,
    "salesforce-warehouse": salesforce_warehouse,
    "dynamics": dynamics,
}


def as_csv(rows: Table) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def files() -> dict[Path, str]:
    """Every file that is made: the samples, and the mappings of synced Salesforce tables from those of its export."""
    samples = {
        STARTERS / source / "sample" / name: as_csv(rows)
        for source, make in SAMPLES.items()
        for name, rows in make().items()
    }
    exported = sorted((STARTERS / "salesforce").glob("*.sql"))
    return samples | {STARTERS / "salesforce-warehouse" / p.name: in_snake_case(p.read_text()) for p in exported}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
