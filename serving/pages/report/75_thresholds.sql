-- title: Above which probability does a hand-off pay off?
-- text: p* = (W + c - R) / (V - R) with R = rho W - t, as agreed, and how p* would change: when sales has time to spare,
--   if rejected leads could not be recycled, and if waiting were worth half as much because competitors take the leads.
-- kind: table
WITH cases AS (
    SELECT segment, unnest([
        {case_no: 1, costs: 'as agreed', v: acceptance, c: review, w: waiting, rho: recyclable, t: trust},
        {case_no: 2, costs: 'when sales has time to spare', v: acceptance, c: 0, w: waiting, rho: recyclable, t: trust},
        {case_no: 3, costs: 'rejected leads cannot be recycled', v: acceptance, c: review, w: waiting, rho: 0, t: trust},
        {case_no: 4, costs: 'waiting is worth half', v: acceptance, c: review, w: waiting / 2, rho: recyclable, t: trust}
    ], recursive := true) FROM costs)
SELECT segment, costs, v AS "V", c, w AS "W", rho, t, rho * w - t AS "R",
    (w + c - (rho * w - t)) / (v - (rho * w - t)) AS threshold_rate
FROM cases ORDER BY segment, case_no
