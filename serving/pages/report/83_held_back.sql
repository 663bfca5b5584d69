-- title: What became of leads that people held back?
-- text: Leads that people wanted to be nurtured, called or checked instead, by what they last asked for: what sales decided
--   on a later hand-off of the lead, so far. "Above p*" counts those that the model found worth a hand-off at the first
--   scoring of that override; whether they would have had a place then is not known.
-- kind: bars asked_for accepted rejected not_decided not_handed_off
WITH last AS (
    SELECT * FROM overrides WHERE route <> 'hand_off'
    QUALIFY row_number() OVER (PARTITION BY lead_id ORDER BY decided_at DESC) = 1)
SELECT route AS asked_for, count(*) AS leads, count(*) FILTER (probability >= threshold) AS "above p*",
    count(*) FILTER (outcome = 'accepted') AS accepted, count(*) FILTER (outcome = 'rejected') AS rejected,
    count(*) FILTER (outcome = 'not decided') AS not_decided,
    count(*) FILTER (outcome = 'not handed off') AS not_handed_off
FROM last
GROUP BY route
ORDER BY leads DESC, route
