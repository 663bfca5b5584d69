-- reads: company
-- optional: property_industry, property_numberofemployees, property_annualrevenue, property_country, is_deleted
-- optional: _fivetran_deleted
-- mutable: industry, employees, annual_revenue, country
SELECT id AS account_id, property_industry AS industry, range_start(property_numberofemployees) AS employees,
    property_annualrevenue AS annual_revenue, property_country AS country, _file, _line
FROM raw_company
WHERE NOT is_yes(is_deleted) AND NOT is_yes(_fivetran_deleted)
