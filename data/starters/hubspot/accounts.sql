-- reads: hubspot-crm-exports-all-companies
-- optional: Country/Region, Country, Industry, Number of Employees, Annual Revenue
-- mutable: industry, employees, annual_revenue, country
SELECT "Record ID" AS account_id, "Industry" AS industry, range_start("Number of Employees") AS employees,
    "Annual Revenue" AS annual_revenue, coalesce("Country/Region", "Country") AS country, _file, _line
FROM raw_hubspot_crm_exports_all_companies
