-- title: Who moved most?
-- text: The ten leads whose log-odds rose most and the ten whose log-odds fell most, by 0.1 or more. The scoring works
--   out the main cause for these and for the leads on a list. Where it is missing, an older leadready scored that day:
--   `leadready movers` works it out for all leads, `leadready explain` for one.
-- kind: table
WITH moved AS (
    SELECT *, CASE WHEN change > 0 THEN 'up' ELSE 'down' END AS way
    FROM scored WHERE abs(change) >= 0.1
    QUALIFY row_number() OVER (PARTITION BY way ORDER BY abs(change) DESC, lead_id) <= 10)
SELECT way, lead_id, probability_before AS expected_rate_before, probability AS expected_rate_now,
    change AS change_in_log_odds, route_before, route,
    coalesce(regexp_replace(changed, '^.* mainly because of ', ''),
        CASE WHEN on_list IS NULL THEN 'not known: on no list' ELSE 'not known' END) AS main_cause
FROM moved
ORDER BY way DESC, abs(change) DESC, lead_id
