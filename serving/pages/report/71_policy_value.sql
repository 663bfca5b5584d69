-- title: What is each way of deciding worth?
-- text: Capacity is left out: each way of deciding hands off every lead that it chooses, even 100 % of them, whether or
--   not sales has time for all. Value per lead at the gate, in the agreement's currency: an accepted lead is worth V, a
--   rejected one R, each review costs c, and a lead that is held is worth W. Explored leads stand for all similar leads
--   that were not picked (weight 1 / propensity, at most 20). The 95 % intervals come from resampling whole accounts
--   2,000 times (models/judging/policy.py).
-- kind: dots - policy value low high
-- empty: No model has been tested on later hand-offs yet.
WITH ways AS (
    UNPIVOT (SELECT weight, waiting, gain, rules, agreed, equal_volume, everybody, nobody FROM tested)
    ON rules, agreed, equal_volume, everybody, nobody INTO NAME policy VALUE handed),
valued AS (
    SELECT policy, sum(weight * handed) / sum(weight) AS share_handed_off,
        sum(weight * (waiting + handed * gain)) / sum(weight) AS value
    FROM ways GROUP BY policy)
SELECT words AS policy, share_handed_off, v.value, low, high, v.value - r.value AS gain_over_rules, gain_low, gain_high
FROM valued v JOIN judged USING (policy), (SELECT value FROM valued WHERE policy = 'rules') r
ORDER BY v.value DESC, words
