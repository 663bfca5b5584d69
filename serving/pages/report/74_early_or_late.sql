-- title: Is it better to hand off early or late?
-- text: What a hand-off today is expected to be worth, by the probability that sales accepts, compared with holding the
--   lead in nurture. To the left of the crossing, waiting is worth more; to the right, every day of waiting costs. When
--   sales has time to spare, a review costs nothing, so the lines cross earlier. For segments with costs of their own,
--   see the table below.
-- kind: curves way acceptance_rate value
WITH p AS (SELECT unnest(range(0, 51)) / 50.0 AS acceptance_rate),
c AS (SELECT * FROM costs WHERE others),
ways AS (
    SELECT acceptance_rate, unnest([
        {way: 'hand off today', value: acceptance_rate * acceptance + (1 - acceptance_rate) * refusal - review},
        {way: 'hand off when sales has time to spare', value: acceptance_rate * acceptance + (1 - acceptance_rate) * refusal},
        {way: 'hold in nurture', value: waiting}], recursive := true)
    FROM p, c)
SELECT way, acceptance_rate, value FROM ways ORDER BY way, acceptance_rate
