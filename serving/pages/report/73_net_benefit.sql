-- title: Above which probability does the model pay off?
-- text: Net benefit (Vickers and Elkin 2006): accepted leads per lead at the gate, minus rejected ones at the exchange
--   rate that a threshold implies. The model hands off every lead above the threshold; the rules and everybody do not
--   depend on it. Read the figure at the threshold that your costs give (dashed): the highest line there is the best
--   way to decide.
-- kind: curves policy threshold_rate net_benefit - - agreed_threshold_rate
-- empty: No model has been tested on later hand-offs yet.
WITH thresholds AS (SELECT unnest(range(1, 61)) / 100.0 AS threshold_rate),
total AS (SELECT sum(weight) AS leads FROM tested),
picks AS (
    SELECT threshold_rate, weight, accepted, unnest([
        {policy: 'the model', handed: probability >= threshold_rate}, {policy: 'the rules', handed: met},
        {policy: 'everybody', handed: true}], recursive := true)
    FROM tested, thresholds)
SELECT policy, threshold_rate,
    sum(weight * handed::INTEGER * (accepted - (1 - accepted) * threshold_rate / (1 - threshold_rate)))
        / any_value(leads) AS net_benefit,
    (SELECT threshold FROM costs WHERE others) AS agreed_threshold_rate
FROM picks, total GROUP BY policy, threshold_rate ORDER BY policy, threshold_rate
