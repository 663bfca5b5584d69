-- title: Who overrides, and is it followed?
-- text: An override is followed if a scoring of its time gave the lead that route. Hard limits stand above it, such as a
--   lead that may not be contacted, that sales has already, or that is no longer open.
-- kind: table
SELECT coalesce(decided_by, 'not given') AS decided_by, count(*) AS overrides,
    count(*) FILTER (route = 'hand_off') AS to_hand_off, count(*) FILTER (route <> 'hand_off') AS to_hold_back,
    count(*) FILTER (status = 'in force') AS in_force, count(*) FILTER (status = 'expired') AS expired,
    count(*) FILTER (status = 'replaced') AS replaced, count(*) FILTER (followed = 'followed') AS followed,
    count(*) FILTER (followed = 'not followed') AS not_followed,
    count(*) FILTER (followed = 'not scored yet') AS not_scored_yet
FROM overrides
GROUP BY decided_by
ORDER BY overrides DESC, decided_by
