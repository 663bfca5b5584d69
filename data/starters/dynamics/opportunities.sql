-- reads: All Opportunities, All Leads
-- optional: Originating Lead, Actual Revenue, Est. Revenue, Actual Close Date
--
-- A list shows the originating lead by name: the deal goes to the lead of that name, where only one has it. A qualified
-- lead whose deal is not found so is in a deal without a value since it was qualified, for it is no longer open.
WITH named AS (
    SELECT "Name" AS name, any_value(lower(trim("(Do Not Modify) Lead", '{}'))) AS lead_id
    FROM raw_all_leads WHERE NOT is_yes("Merged") GROUP BY "Name" HAVING count(*) = 1
), deals AS (
    SELECT lead_id, o."Created On" AS opened_at, o."Status" AS stage, coalesce(o."Actual Revenue", o."Est. Revenue") AS amount,
        CASE o."Status" WHEN 'Won' THEN true WHEN 'Lost' THEN false END AS won,
        if(won IS NULL, NULL, end_of_day(o."Actual Close Date")) AS closed_at, o._file, o._line
    FROM raw_all_opportunities o JOIN named ON name = o."Originating Lead"
), qualified AS (
    SELECT lower(trim("(Do Not Modify) Lead", '{}')) AS lead_id, end_of_day("Modified On") AS opened_at, 'qualified' AS stage,
        _file, _line
    FROM raw_all_leads WHERE "Status" = 'Qualified' AND NOT is_yes("Merged")
)
FROM deals UNION ALL BY NAME FROM qualified ANTI JOIN deals USING (lead_id)
