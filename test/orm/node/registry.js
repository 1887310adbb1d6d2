// The list of cases, and what they expect: functions of ../verdicts.py.

'use strict';

const SEVERAL = ['likely', 'confirmed'];
const ANY = ['suspected', 'likely', 'confirmed'];

// A list, and the functions that register one of its cases each
function register() {
  const cases = [];
  const add = (number, expected, run, modes = 'TA') =>
    cases.push({ number, expected, modes, run });
  return {
    cases,
    repeats: (number, expected, run, modes) =>
      add(number, Array.isArray(expected[0]) ? expected : [expected], run,
        modes),
    noRepeats: (number, run, modes) => add(number, 'nothing', run, modes),
    noSureRepeats: (number, run, modes) =>
      add(number, 'nothing sure', run, modes),
  };
}

const nPlusOne =
  (relationship, repeated, parent, times = 20, confidences = {}) =>
    ['n_plus_one', [relationship, repeated, parent, times], confidences];
const lookup = (repeated, times = 20) => ['lookup', [repeated, times], {}];
const duplicate = (repeated, times = 20) =>
  ['duplicate', [repeated, times], {}];
const rowByRow = (verb, table, times = 20) =>
  ['row_by_row', [verb, table, times], {}];
const deepOffset = (repeated) => ['deep_offset', [repeated], {}];

module.exports = {
  SEVERAL, ANY, register, nPlusOne, lookup, duplicate, rowByRow, deepOffset,
};
