-- reads: calls
SELECT 'row-' || (_line - 1) AS lead_id, TIMESTAMPTZ '2008-05-01 00:00:00+00' + to_minutes(30 * (_line - 2)) AS created_at,
    created_at AS known_at, 'phone' AS source, job, marital, education, "default", housing, loan, contact, "month", day_of_week, poutcome,
    try_cast(age AS DOUBLE) AS age, try_cast(campaign AS DOUBLE) - 1 AS previous_calls,
    nullif(try_cast(pdays AS DOUBLE), 999) AS pdays, try_cast(previous AS DOUBLE) AS previous,
    try_cast("emp.var.rate" AS DOUBLE) AS emp_var_rate, try_cast("cons.price.idx" AS DOUBLE) AS cons_price_idx,
    try_cast("cons.conf.idx" AS DOUBLE) AS cons_conf_idx, try_cast(euribor3m AS DOUBLE) AS euribor3m,
    try_cast("nr.employed" AS DOUBLE) AS nr_employed, _file, _line
FROM raw_calls
