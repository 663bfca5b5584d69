-- reads: Lead
-- mutable: industry, employees, annual_revenue, country
--
-- A lead has no account before it is converted, and ConvertedAccountId would give one to accepted leads only: leads of
-- one company name are one account. CONFIRM: if a tool matches leads with accounts, use its field here and in leads.sql.
SELECT lower(trim("Company")) AS account_id, arg_max("Industry", "CreatedDate") AS industry,
    range_start(arg_max("NumberOfEmployees", "CreatedDate")) AS employees,
    arg_max("AnnualRevenue", "CreatedDate") AS annual_revenue, arg_max("Country", "CreatedDate") AS country,
    arg_min(_file, _line) AS _file, min(_line) AS _line
FROM raw_lead
WHERE NOT is_yes("IsDeleted") AND lower(trim("Company")) <> '[not provided]'
GROUP BY lower(trim("Company"))
