"""What is said of a batch, a scoring, a lead and the agreements: one report each, the same for people and machines."""

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.intake.ingest import IngestReport, TableCount
from serving.pages.agreements import agreements_report, standing_report
from serving.pages.ingest import ingest_report
from serving.pages.scores import NO_MODEL, lead_report, scoring_report
from serving.pages.sections import listed
from serving.pages.terminal import as_lines

AS_OF = datetime(2026, 3, 1)
