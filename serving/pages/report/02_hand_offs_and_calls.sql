-- title: How much of it goes to whom?
-- text: The day's hand-offs by team and its calls, by agent where the settings name agents, with the places there are a
--   day. Leads picked at random to learn from have places of their own (exploration). Expected acceptances are an
--   estimate; the expected rate is the mean probability.
-- kind: table
WITH listed AS (
    SELECT *, CASE WHEN on_list = 'calls' THEN 'tele-qualification' WHEN explored THEN 'exploration'
        ELSE coalesce(team, 'no team') END AS who
    FROM scored WHERE on_list IS NOT NULL),
parts AS (
    SELECT on_list, who, 1 AS place, * EXCLUDE (on_list, who) FROM listed
    UNION ALL SELECT on_list, 'agent ' || agent, 2, * EXCLUDE (on_list, who) FROM listed WHERE agent IS NOT NULL),
counts AS (
    SELECT on_list, who, place, count(*) AS leads, sum(probability) AS expected_acceptances,
        avg(probability) AS expected_rate, count(*) FILTER (urgent) AS urgent, count(*) FILTER (early) AS early,
        count(*) FILTER (overridden) AS by_override
    FROM parts GROUP BY ALL)
SELECT replace(coalesce(c.on_list, p.on_list), 'hand_offs', 'hand-offs') AS list, coalesce(who, p.team) AS who,
    coalesce(leads, 0) AS leads, places,
    CASE WHEN c.on_list = 'hand_offs' THEN expected_acceptances END AS expected_acceptances, expected_rate,
    coalesce(urgent, 0) AS urgent, coalesce(early, 0) AS early, coalesce(by_override, 0) AS by_override
FROM counts c FULL JOIN places p ON p.on_list = c.on_list AND p.team = c.who
ORDER BY list DESC, coalesce(place, 1), who = 'exploration', leads DESC, who
