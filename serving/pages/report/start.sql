-- The tables of this folder and what its queries share. Run it first, in this folder.
-- One row per lead, with the first time of each stage of the waterfall:
CREATE OR REPLACE TEMP VIEW leads AS FROM 'leads.parquet';
-- One row per hand-off, with its promise, the decision, and what came before it:
CREATE OR REPLACE TEMP VIEW handoffs AS FROM 'handoffs.parquet';
-- One row per deal:
CREATE OR REPLACE TEMP VIEW deals AS FROM 'deals.parquet';
-- One row per version of the agreement and zone (or `urgent`), without hours where nothing is promised:
CREATE OR REPLACE TEMP VIEW promises AS FROM 'promises.parquet';
-- The last scoring and the last one of an earlier day; one row per lead in either, with its route, list and movement:
CREATE OR REPLACE TEMP VIEW scorings AS FROM 'scorings.parquet';
CREATE OR REPLACE TEMP VIEW scored AS FROM 'scored.parquet';
-- One row per team, for exploration and for calls, with its places a day:
CREATE OR REPLACE TEMP VIEW places AS FROM 'places.parquet';
-- One row per override, with whether it was followed and what became of the lead:
CREATE OR REPLACE TEMP VIEW overrides AS FROM 'overrides.parquet';
CREATE OR REPLACE TEMP VIEW tested AS FROM 'tested.parquet';
CREATE OR REPLACE TEMP VIEW judged AS FROM 'judged.parquet';
CREATE OR REPLACE TEMP VIEW costs AS FROM 'costs.parquet';

-- k of n with its 95 % interval (Wilson 1927): asymmetric, and correct for few rows and for rates near 0 and 1.
CREATE OR REPLACE TEMP MACRO rate(k, n) AS k / nullif(n, 0);
CREATE OR REPLACE TEMP MACRO wilson(k, n, side) AS
    round((k + 1.9208 + side * 1.96 * sqrt(k * (n - k) / nullif(n, 0) + 0.9604)) / (n + 3.8416), 9);
CREATE OR REPLACE TEMP MACRO rate_low(k, n) AS wilson(k, n, -1);
CREATE OR REPLACE TEMP MACRO rate_high(k, n) AS wilson(k, n, 1);
-- A small segment says little: its rate and its interval are pulled towards the overall mean, as if 10 rows with that
-- mean were added (the mean of the posterior whose prior is worth 10 rows).
CREATE OR REPLACE TEMP MACRO shrunk(total, n, mean) AS (total + 10 * mean) / (n + 10);
CREATE OR REPLACE TEMP MACRO shrunk_low(k, n, mean) AS rate_low(k + 10 * mean, n + 10);
CREATE OR REPLACE TEMP MACRO shrunk_high(k, n, mean) AS rate_high(k + 10 * mean, n + 10);
CREATE OR REPLACE TEMP MACRO days(since, until) AS date_diff('microsecond', since, until) / 864e8;
CREATE OR REPLACE TEMP MACRO pct(share) AS coalesce(round(100 * share)::INTEGER || ' %', '?');
CREATE OR REPLACE TEMP MACRO counted(n, one, more) AS format('{:,} ', n) || CASE n WHEN 1 THEN one ELSE more END;
CREATE OR REPLACE TEMP MACRO to_minute(moment) AS strftime(moment, '%Y-%m-%d %H:%M');
-- "10-49" before "250-999"; words after numbers
CREATE OR REPLACE TEMP MACRO leading_number(words) AS coalesce(try_cast(regexp_extract(words, '^[0-9]+') AS BIGINT), 1e9);

-- The waterfall: one row per lead and stage. `before_at`: when it was at the stage before.
CREATE OR REPLACE TEMP VIEW stages AS
SELECT lead_id, industry, employees_band, strftime(inquiry_at, '%Y-%m') AS month, inquiry_at, unnest([
    {place: 1, stage: 'inquiry', reached_at: inquiry_at, before_at: NULL},
    {place: 2, stage: 'automation qualified', reached_at: automation_qualified_at, before_at: inquiry_at},
    {place: 3, stage: 'tele accepted', reached_at: tele_accepted_at, before_at: automation_qualified_at},
    {place: 4, stage: 'tele qualified', reached_at: tele_qualified_at, before_at: tele_accepted_at},
    {place: 5, stage: 'tele generated', reached_at: tele_generated_at, before_at: inquiry_at},
    {place: 6, stage: 'sales accepted', reached_at: sales_accepted_at,
     before_at: coalesce(tele_qualified_at, tele_generated_at)},
    {place: 7, stage: 'sales generated', reached_at: sales_generated_at, before_at: inquiry_at},
    {place: 8, stage: 'sales qualified', reached_at: sales_qualified_at,
     before_at: coalesce(sales_accepted_at, sales_generated_at)},
    {place: 9, stage: 'won', reached_at: won_at, before_at: sales_qualified_at}
], recursive := true)
FROM leads;
