-- reads: contact_property_history
--
-- CONFIRM: the properties in which you keep what was learned, by their internal names. Their texts become the agreement's
-- levels (`Over 12 months`: over_12_months); yes, no and refused are states. An emptied property is no answer.
WITH said AS (
    SELECT contact_id AS lead_id, name AS criterion, value AS word, "timestamp" AS answered_at, _file, _line
    FROM raw_contact_property_history
    WHERE name IN ('budget', 'authority', 'need', 'timeframe') AND value <> ''
)
SELECT lead_id, criterion, answered_at, answered_at AS known_at,
    CASE WHEN lower(word) IN ('no', 'refused') THEN lower(word) ELSE 'yes' END AS state,
    CASE WHEN lower(word) NOT IN ('yes', 'no', 'refused') THEN lower(regexp_replace(word, '\W+', '_', 'g')) END AS level,
    _file, _line
FROM said
