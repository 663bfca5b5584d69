-- reads: Lead, LeadHistory
-- optional: Budget__c, Authority__c, Need__c, Timeframe__c
--
-- CONFIRM: the fields in which you keep what was learned, in both places below. Their texts become the agreement's levels
-- (`Over 12 months`: over_12_months); yes, no and refused are states. A field that is tracked has the date of each
-- change; a value without history counts from the load that first showed it.
WITH fields AS (
    SELECT unnest(['Budget__c', 'Authority__c', 'Need__c', 'Timeframe__c']) AS field,
        unnest(['budget', 'authority', 'need', 'timeframe']) AS criterion
), changed AS (
    SELECT h."LeadId" AS lead_id, criterion, h."NewValue" AS word, h."CreatedDate" AS answered_at, h._file, h._line
    FROM raw_leadhistory h JOIN fields ON fields.field = h."Field"
    WHERE h."NewValue" IS NOT NULL AND NOT is_yes(h."IsDeleted")
), today AS (
    UNPIVOT (
        SELECT "Id" AS lead_id, "Budget__c" AS budget, "Authority__c" AS authority, "Need__c" AS need,
            "Timeframe__c" AS timeframe, _file, _line
        FROM raw_lead WHERE NOT is_yes("IsDeleted")
    ) ON budget, authority, need, timeframe INTO NAME criterion VALUE word
), said AS (
    FROM changed UNION ALL BY NAME FROM today ANTI JOIN changed USING (lead_id, criterion)
), meant AS (
    SELECT *, CASE WHEN lower(word) IN ('no', 'refused') THEN lower(word) ELSE 'yes' END AS state,
        CASE WHEN lower(word) NOT IN ('yes', 'no', 'refused') THEN lower(regexp_replace(word, '\W+', '_', 'g')) END AS level
    FROM said
), stored AS (
    SELECT lead_id, criterion, max(answered_at) AS answered_at, arg_max(state, answered_at) AS state,
        arg_max_null(level, answered_at) AS level
    FROM answers WHERE superseded_at IS NULL GROUP BY lead_id, criterion
)
SELECT m.lead_id, m.criterion, m.state, m.level, m.answered_at AS known_at,
    coalesce(m.answered_at, timezone('UTC', s.answered_at)::VARCHAR, loaded_at()::VARCHAR) AS answered_at, _file, _line
FROM meant m LEFT JOIN stored s ON s.lead_id = m.lead_id AND s.criterion = m.criterion AND s.state = m.state
    AND s.level IS NOT DISTINCT FROM m.level
