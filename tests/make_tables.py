#!/usr/bin/env python3
"""Writes tables like the well-known ones of passengers, incomes and house prices.

    make_tables.py KIND FILE [options]        KIND: passengers, incomes or houses; FILE: - is stdout

Every value is made up: a hidden rule and some noise decide the last thing of each row, so that a good
model reaches far more than the most frequent class, or than the mean. The same options write the same
bytes. Only the standard library is needed.

  passengers   891 rows   Survived, of two classes. PassengerId, names with commas, a fifth of the ages and
                          most cabins missing
  incomes      8000 rows  income, "<=50K" in three of four rows. Texts with '?' for missing ones; separated
                          by ", " as the well-known file is
  houses       1460 rows  SalePrice, a number. Id, numbers and many texts with NA, and building classes
                          (20, 30, 60 ...) that are no quantities
"""

import argparse
import contextlib
import math
import random
import sys


class Dice:
    """Random numbers from random() alone, which gives the same ones in every version of Python."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def normal(self, mean=0.0, deviation=1.0):
        u = 1.0 - self.random()
        return mean + deviation * math.sqrt(-2.0 * math.log(u)) * math.cos(2 * math.pi * self.random())

    def whole(self, low, high):
        """One of low ... high."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, p):
        return self.random() < p

    def pick(self, weights):
        """A key of {key: weight}."""
        left = self.random() * sum(weights.values())
        for key, weight in weights.items():
            left -= weight
            if left < 0:
                return key
        return key

    def decide(self, score):
        """True with the probability sigmoid(score)."""
        return self.chance(1.0 / (1.0 + math.exp(-score)))


def between(low, x, high):
    return min(max(x, low), high)


# ---- passengers ----------------------------------------------------------------------------------

FAMILIES = "Braund Cumings Heikkinen Allen Moran Palsson Nasser Sandstrom Bonnell Vestrom Rice Fynney".split()
GIVEN = {"female": "Florence Laina Lily Anna Marguerite Elizabeth".split(),
         "male": "Owen William James Timothy Gosta Charles".split()}


def passenger(dice, number):
    pclass = dice.pick({3: 55, 1: 24, 2: 21})
    sex = dice.pick({"male": 64, "female": 36})
    age = between(0.5, dice.normal({1: 38, 2: 30, 3: 26}[pclass], 14), 78)
    siblings = dice.pick({0: 68, 1: 23, 2: 4, 3: 3, 4: 2})
    parents = dice.pick({0: 76, 1: 13, 2: 9, 3: 2})
    port = dice.pick({"S": 72, "C": 19, "Q": 9})
    fare = math.exp(dice.normal({1: 4.1, 2: 2.9, 3: 2.3}[pclass], 0.4)) * (1 + 0.4 * (siblings + parents))
    score = 5.0 if sex == "female" else -3.5
    score += {1: 2.4, 2: 0.6, 3: -1.8}[pclass] + {"S": -0.5, "C": 1.2, "Q": 0.0}[port]
    score += 5.5 if age < 11 else -0.04 * (age - 28)
    score -= 1.6 * max(0, siblings + parents - 2)
    title = {"female": "Mrs." if siblings else "Miss.", "male": "Master." if age < 11 else "Mr."}[sex]
    family = FAMILIES[dice.whole(0, len(FAMILIES) - 1)]
    given = GIVEN[sex][dice.whole(0, len(GIVEN[sex]) - 1)]
    cabin = dice.chance({1: 0.8, 2: 0.1, 3: 0.03}[pclass])
    return {
        "PassengerId": number,
        "Survived": int(dice.decide(1.5 * score)),
        "Pclass": pclass,
        "Name": f"{family}, {title} {given}",
        "Sex": sex,
        "Age": "" if dice.chance(0.2) else f"{age:.1f}" if age < 1 else int(age),
        "SibSp": siblings,
        "Parch": parents,
        "Ticket": dice.pick({"": 70, "PC ": 10, "A/5 ": 10, "STON/O2. ": 10}) + str(dice.whole(1000, 399999)),
        "Fare": f"{fare:.4f}",
        "Cabin": f"{'ABCDE'[dice.whole(0, 4)]}{dice.whole(1, 120)}" if cabin else "",
        "Embarked": "" if dice.chance(0.004) else port,
    }


# ---- incomes -------------------------------------------------------------------------------------

EDUCATION = {"10th": 6, "HS-grad": 9, "Some-college": 10, "Assoc-voc": 11, "Bachelors": 13, "Masters": 14,
             "Prof-school": 15, "Doctorate": 16}
WORK = {"Private": 70, "Self-emp-not-inc": 8, "Local-gov": 7, "State-gov": 4, "Self-emp-inc": 4,
        "Federal-gov": 3}
OCCUPATION = {"Prof-specialty": 1.1, "Craft-repair": -0.1, "Exec-managerial": 1.5, "Adm-clerical": -0.5,
              "Sales": 0.2, "Other-service": -1.6, "Machine-op-inspct": -0.9, "Transport-moving": -0.4,
              "Handlers-cleaners": -1.7, "Farming-fishing": -1.2, "Tech-support": 0.8}
COUNTRY = {"United-States": 900, "Mexico": 30, "Philippines": 12, "Germany": 10, "Canada": 8, "India": 8,
           "Cuba": 6, "England": 6, "China": 5, "Jamaica": 5}


def income(dice, number):
    age = int(between(17, dice.normal(39, 13), 90))
    education = dice.pick({"10th": 9, "HS-grad": 32, "Some-college": 24, "Assoc-voc": 8, "Bachelors": 17,
                           "Masters": 6, "Prof-school": 2, "Doctorate": 2})
    marital = dice.pick({"Married-civ-spouse": 46, "Never-married": 33, "Divorced": 14, "Separated": 4,
                         "Widowed": 3})
    sex = dice.pick({"Male": 67, "Female": 33})
    hours = int(between(1, dice.normal(41, 11), 99))
    occupation = dice.pick({name: 10 + index % 3 for index, name in enumerate(OCCUPATION)})
    gain = dice.whole(1000, 20000) if dice.chance(0.08) else 0
    loss = dice.whole(200, 2500) if dice.chance(0.05) else 0
    married = marital == "Married-civ-spouse"
    score = -4.4 + 3.2 * married + 0.42 * (EDUCATION[education] - 9) + 1.2 * OCCUPATION[occupation]
    score += 0.05 * (hours - 40) - 0.0022 * (age - 50) ** 2 + gain / 1500.0 + loss / 1200.0
    score += 0.5 * (sex == "Male") + (0.8 if married and education == "Bachelors" else 0.0)
    unknown = dice.chance(0.055)
    relationship = ("Husband" if sex == "Male" else "Wife") if married else dice.pick(
        {"Not-in-family": 50, "Own-child": 30, "Unmarried": 15, "Other-relative": 5})
    return {
        "age": age,
        "workclass": "?" if unknown else dice.pick(WORK),
        "fnlwgt": int(math.exp(dice.normal(12.0, 0.5))),
        "education": education,
        "education-num": EDUCATION[education],
        "marital-status": marital,
        "occupation": "?" if unknown else occupation,
        "relationship": relationship,
        "race": dice.pick({"White": 85, "Black": 10, "Asian-Pac-Islander": 3, "Other": 2}),
        "sex": sex,
        "capital-gain": gain,
        "capital-loss": loss,
        "hours-per-week": hours,
        "native-country": "?" if dice.chance(0.018) else dice.pick(COUNTRY),
        "income": ">50K" if dice.decide(1.6 * score) else "<=50K",
    }


# ---- houses --------------------------------------------------------------------------------------

CLASSES = {20: 0.04, 30: -0.16, 50: -0.03, 60: 0.13, 80: 0.02, 90: -0.11, 120: 0.09, 160: -0.12, 190: -0.06}
PLACES = {"NAmes": -0.06, "CollgCr": 0.05, "OldTown": -0.17, "Edwards": -0.12, "Somerst": 0.10,
          "Gilbert": 0.03, "NridgHt": 0.26, "Sawyer": -0.05, "NWAmes": 0.02, "BrkSide": -0.14,
          "Crawfor": 0.10, "NoRidge": 0.28, "IDOTRR": -0.24, "Timber": 0.12}
GRADES = {"Ex": 0.14, "Gd": 0.05, "TA": 0.0, "Fa": -0.08}


def house(dice, number):
    building = dice.pick({20: 36, 60: 20, 50: 10, 120: 6, 30: 5, 160: 4, 80: 4, 90: 4, 190: 2})
    place = list(PLACES)[dice.whole(0, len(PLACES) - 1)]
    zone = dice.pick({"RL": 79, "RM": 15, "FV": 4, "RH": 1, "C (all)": 1})
    quality = int(between(1, round(dice.normal(6.1, 1.4)), 10))
    built = dice.whole(1900, 2009)
    renewed = dice.whole(built, 2010) if dice.chance(0.5) else built
    lot = int(math.exp(dice.normal(9.1, 0.4)))
    area = int(between(500, dice.normal(1500 if building != 60 else 1900, 420), 4000))
    cellar = 0 if dice.chance(0.026) else int(between(200, dice.normal(1080, 350), 3000))
    cars = dice.pick({2: 56, 1: 25, 3: 13, 0: 6})
    fires = dice.pick({0: 47, 1: 44, 2: 9})
    grade = {key: dice.pick({"TA": 50, "Gd": 35, "Ex": 9, "Fa": 6}) for key in ("kitchen", "outside", "fire")}
    air = dice.chance(0.93)
    pool = dice.chance(0.005)
    veneer = dice.pick({"None": 59, "BrkFace": 31, "Stone": 9, "BrkCmn": 1})
    price = 11.95 + CLASSES[building] + PLACES[place] + 0.085 * (quality - 6) + 0.00032 * (area - 1500)
    price += 0.00012 * (cellar - 1050) + 0.07 * (cars - 1.8) + 0.05 * fires + 0.08 * (math.log(lot) - 9.1)
    price += GRADES[grade["kitchen"]] + 0.6 * GRADES[grade["outside"]] + 0.0016 * (built - 1970)
    price += 0.0008 * (renewed - built) + (0.06 if air else -0.06) + (0.08 if zone == "FV" else 0.0)
    price += 0.04 * (veneer == "Stone") + 0.1 * pool + dice.normal(0, 0.06)
    return {
        "Id": number,
        "MSSubClass": building,
        "MSZoning": zone,
        "LotFrontage": "NA" if dice.chance(0.18) else int(between(21, dice.normal(70, 22), 200)),
        "LotArea": lot,
        "Street": "Pave" if dice.chance(0.99) else "Grvl",
        "Alley": dice.pick({"NA": 94, "Grvl": 3, "Pave": 3}),
        "Neighborhood": place,
        "OverallQual": quality,
        "YearBuilt": built,
        "YearRemodAdd": renewed,
        "MasVnrType": veneer,
        "MasVnrArea": "NA" if dice.chance(0.006) else 0 if veneer == "None" else dice.whole(16, 600),
        "ExterQual": grade["outside"],
        "BsmtQual": dice.pick({"TA": 45, "Gd": 43, "Ex": 9, "Fa": 3}) if cellar else "NA",
        "TotalBsmtSF": cellar,
        "CentralAir": "Y" if air else "N",
        "Electrical": "NA" if dice.chance(0.001) else dice.pick({"SBrkr": 92, "FuseA": 6, "FuseF": 2}),
        "GrLivArea": area,
        "FullBath": dice.pick({2: 53, 1: 44, 3: 3}),
        "KitchenQual": grade["kitchen"],
        "Fireplaces": fires,
        "FireplaceQu": grade["fire"] if fires else "NA",
        "GarageType": dice.pick({"Attchd": 63, "Detchd": 28, "BuiltIn": 9}) if cars else "NA",
        "GarageYrBlt": built if cars else "NA",
        "GarageCars": cars,
        "PoolQC": "Gd" if pool else "NA",
        "MoSold": dice.whole(1, 12),
        "YrSold": dice.whole(2006, 2010),
        "SalePrice": int(round(math.exp(price) / 100) * 100),
    }


# ---- files ---------------------------------------------------------------------------------------

KINDS = {"passengers": (passenger, 891, ","), "incomes": (income, 8000, ", "), "houses": (house, 1460, ",")}


def cell(value, separator):
    text = str(value)
    if (separator.strip() or separator) in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def columns_of(row, args):
    names = [name for name in row if name not in args.without and (name != "part" or args.test_rows)]
    if args.order == "reversed":
        names.reverse()
    elif args.order == "sorted":
        names.sort()
    if args.extra:
        names.insert(len(names) // 2, args.extra)
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file")
    parser.add_argument("--rows", type=int, help="how many (default: as the well-known table)")
    parser.add_argument("--seed", type=int, default=1, help="other rows of the same rule (default: 1)")
    parser.add_argument("--separator", help="between cells, 'tab' too (default: as the well-known file)")
    parser.add_argument("--order", choices=("usual", "reversed", "sorted"), default="usual",
                        help="of the columns")
    parser.add_argument("--without", action="append", default=[], metavar="COLUMN", help="leave it out")
    parser.add_argument("--extra", metavar="COLUMN", help="add a column of texts that mean nothing")
    parser.add_argument("--test-rows", type=int, default=0, metavar="N",
                        help="add N more rows, and a column 'part' that says train or test")
    args = parser.parse_args()

    make, rows, separator = KINDS[args.kind]
    rows = args.rows or rows
    separator = {None: separator, "tab": "\t"}.get(args.separator, args.separator)
    dice = Dice(f"{args.kind} {args.seed}")
    with contextlib.ExitStack() as stack:
        file = sys.stdout
        if args.file != "-":
            file = stack.enter_context(open(args.file, "w", encoding="utf-8", newline="\n"))
        for i in range(rows + args.test_rows):
            row = make(dice, i + 1)
            row["part"] = "train" if i < rows else "test"
            names = columns_of(row, args)
            if i == 0:
                file.write(separator.join(cell(name, separator) for name in names) + "\n")
            row[args.extra] = f"note {i % 7}"
            file.write(separator.join(cell(row[name], separator) for name in names) + "\n")


if __name__ == "__main__":
    main()
