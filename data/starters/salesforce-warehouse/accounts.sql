-- reads: lead
-- mutable: industry, employees, annual_revenue, country
--
-- A lead has no account before it is converted, and ConvertedAccountId would give one to accepted leads only: leads of
-- one company name are one account. CONFIRM: if a tool matches leads with accounts, use its field here and in leads.sql.
SELECT lower(trim(company)) AS account_id, arg_max(industry, created_date) AS industry,
    range_start(arg_max(number_of_employees, created_date)) AS employees,
    arg_max(annual_revenue, created_date) AS annual_revenue, arg_max(country, created_date) AS country,
    arg_min(_file, _line) AS _file, min(_line) AS _line
FROM raw_lead
WHERE NOT (is_yes(is_deleted) OR is_yes(_fivetran_deleted)) AND lower(trim(company)) <> '[not provided]'
GROUP BY lower(trim(company))
