-- reads: All Leads
-- optional: Company Name, Industry, No. of Employees, Annual Revenue, Country/Region, Created On
-- mutable: industry, employees, annual_revenue, country
--
-- A lead's parent account is often filled in by its qualification and would give one to accepted leads only: leads of
-- one company name are one account.
SELECT lower(trim("Company Name")) AS account_id, arg_max("Industry", "Created On") AS industry,
    range_start(arg_max("No. of Employees", "Created On")) AS employees,
    arg_max("Annual Revenue", "Created On") AS annual_revenue, arg_max("Country/Region", "Created On") AS country,
    arg_min(_file, _line) AS _file, min(_line) AS _line
FROM raw_all_leads
WHERE "Company Name" IS NOT NULL
GROUP BY lower(trim("Company Name"))
