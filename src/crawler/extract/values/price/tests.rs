//! Tables of price texts and what they say. Kinds of spellings, rather than single ones.

use super::*;

/// The single amount and the currency that needs no country.
fn one(text: &str) -> Option<(f64, Option<&'static str>)> {
    let read = price_text(text);
    match read.amount? {
        Amount::One(amount) => Some((amount, read.currency.resolve(None))),
        Amount::Range { .. } => None,
    }
}

#[test]
fn amounts_are_read_in_the_worlds_spellings() {
    for (text, amount, code) in [
        ("£425,000", 425_000.0, Some("GBP")),
        ("&pound;425,000", 425_000.0, Some("GBP")),
        ("&euro; 425.000", 425_000.0, Some("EUR")),
        ("425.000 €", 425_000.0, Some("EUR")),
        ("425.000,00 €", 425_000.0, Some("EUR")),
        ("425 000,00 €", 425_000.0, Some("EUR")),
        ("EUR 1.250.000,-", 1_250_000.0, Some("EUR")),
        ("€425.000,--", 425_000.0, Some("EUR")),
        ("425000 EUR", 425_000.0, Some("EUR")),
        ("425000EUR", 425_000.0, Some("EUR")),
        ("425.000 euro", 425_000.0, Some("EUR")),
        ("425000.00", 425_000.0, None),
        ("425,000.00", 425_000.0, None),
        ("425.000,00", 425_000.0, None),
        ("303000", 303_000.0, None),
        ("$303,000", 303_000.0, None),
        ("US$ 1,234,567.50", 1_234_567.5, Some("USD")),
        ("CHF 1'250'000.–", 1_250_000.0, Some("CHF")),
        ("CHF 1’250’000.-", 1_250_000.0, Some("CHF")),
        ("R$ 437.500", 437_500.0, Some("BRL")),
        ("MXN 1,500,000", 1_500_000.0, Some("MXN")),
        ("MX$1,500,000", 1_500_000.0, Some("MXN")),
        ("$1,500,000 M.N.", 1_500_000.0, None),
        ("AR$ 1.500.000", 1_500_000.0, Some("ARS")),
        ("U$S 120.000", 120_000.0, Some("USD")),
        ("EC$ 900,000", 900_000.0, Some("XCD")),
        ("NT$ 12,000,000", 12_000_000.0, Some("TWD")),
        ("A$950,000", 950_000.0, Some("AUD")),
        ("C$ 950,000", 950_000.0, Some("CAD")),
        ("HK$8,800,000", 8_800_000.0, Some("HKD")),
        ("XY$ 8,800,000", 8_800_000.0, None),
        ("R 1 395 000", 1_395_000.0, Some("ZAR")),
        ("2,520,000 د.إ", 2_520_000.0, Some("AED")),
        ("AED 2.5M", 2_500_000.0, Some("AED")),
        ("12 500 000 ₽", 12_500_000.0, Some("RUB")),
        ("12\u{a0}500\u{a0}000\u{a0}₽", 12_500_000.0, Some("RUB")),
        ("1 450 000 Kč", 1_450_000.0, Some("CZK")),
        ("1.450.000,- Kč", 1_450_000.0, Some("CZK")),
        ("303 000 zł", 303_000.0, Some("PLN")),
        ("32 900 000 Ft", 32_900_000.0, Some("HUF")),
        ("4.250.000 TL", 4_250_000.0, Some("TRY")),
        ("₺4.250.000", 4_250_000.0, Some("TRY")),
        ("₪2,450,000", 2_450_000.0, Some("ILS")),
        ("₱4,500,000", 4_500_000.0, Some("PHP")),
        ("฿4,500,000", 4_500_000.0, Some("THB")),
        ("₩450,000,000", 450_000_000.0, Some("KRW")),
        ("₫2.500.000.000", 2_500_000_000.0, Some("VND")),
        ("¥54,800,000", 54_800_000.0, Some("JPY")),
        ("￥５４，８００，０００", 54_800_000.0, Some("JPY")),
        ("1 395 000 kr", 1_395_000.0, None),
        ("3 295 000:-", 3_295_000.0, None),
        ("₹1,25,00,000", 12_500_000.0, Some("INR")),
        ("Rs. 85,00,000", 8_500_000.0, Some("INR")),
        ("Rs.85,00,000/-", 8_500_000.0, Some("INR")),
        ("UF 5.200", 5_200.0, Some("CLF")),
        ("S/ 450,000", 450_000.0, Some("PEN")),
        ("Rp 1.250.000.000", 1_250_000_000.0, Some("IDR")),
        ("RM 450,000", 450_000.0, Some("MYR")),
        ("£E 3,000,000", 3_000_000.0, Some("EGP")),
        ("E£3,000,000", 3_000_000.0, Some("EGP")),
        ("LE 3,000,000", 3_000_000.0, Some("EGP")),
        ("3,000,000 LE", 3_000_000.0, Some("EGP")),
        ("L.L. 450,000,000", 450_000_000.0, Some("LBP")),
        ("SY£ 3,000,000", 3_000_000.0, Some("SYP")),
        ("IR£ 300,000", 300_000.0, None),
        ("A£ 300,000", 300_000.0, None),
        ("S£ 300,000", 300_000.0, None),
        ("KSh 12,500,000", 12_500_000.0, Some("KES")),
        ("Php 4,500,000", 4_500_000.0, Some("PHP")),
        ("P 1,200,000", 1_200_000.0, None),
        ("KWD 350.500", 350.5, Some("KWD")),
        ("350.500 KD", 350.5, Some("KWD")),
        ("OMR 275.000", 275.0, Some("OMR")),
        ("BHD 450.000 / month", 450.0, Some("BHD")),
        ("350.500 (KWD)", 350.5, Some("KWD")),
        ("KWD 1,234.500", 1_234.5, Some("KWD")),
        ("BHD 125,000", 125_000.0, Some("BHD")),
        ("1.25E7", 12_500_000.0, None),
        ("EUR 4.25e+05", 425_000.0, Some("EUR")),
        ("٤٢٥٬٠٠٠ د.إ", 425_000.0, Some("AED")),
    ] {
        assert_eq!(one(text), Some((amount, code)), "{text}");
    }
}

#[test]
fn magnitudes_multiply_by_language() {
    for (text, amount, code) in [
        ("$1.2M", 1_200_000.0, None),
        ("$950k", 950_000.0, None),
        ("Guide Price £1m", 1_000_000.0, Some("GBP")),
        ("£1.15 million", 1_150_000.0, Some("GBP")),
        ("£1.2mn", 1_200_000.0, Some("GBP")),
        ("$1.5bn", 1_500_000_000.0, None),
        ("1,2 Mio. €", 1_200_000.0, Some("EUR")),
        ("1,250 Mio. €", 1_250_000.0, Some("EUR")),
        ("450 Tsd. €", 450_000.0, Some("EUR")),
        ("350 T€", 350_000.0, Some("EUR")),
        ("1,2 M€", 1_200_000.0, Some("EUR")),
        ("350 k€", 350_000.0, Some("EUR")),
        ("1,2 million d'euros", 1_200_000.0, Some("EUR")),
        ("350 mil €", 350_000.0, Some("EUR")),
        ("350 mil euros", 350_000.0, Some("EUR")),
        ("R$ 1,2 milhão", 1_200_000.0, Some("BRL")),
        ("R$ 2,5 milhões", 2_500_000.0, Some("BRL")),
        ("R$ 1,2 mi", 1_200_000.0, Some("BRL")),
        ("2 millones de euros", 2_000_000.0, Some("EUR")),
        ("3,5 mil. Kč", 3_500_000.0, Some("CZK")),
        ("450 tys. zł", 450_000.0, Some("PLN")),
        ("1,2 mln zł", 1_200_000.0, Some("PLN")),
        ("3,2 Mkr", 3_200_000.0, None),
        ("12,5 млн ₽", 12_500_000.0, Some("RUB")),
        ("850 тыс. руб.", 850_000.0, Some("RUB")),
        ("₹1.2 Cr", 12_000_000.0, Some("INR")),
        ("₹85 Lac", 8_500_000.0, Some("INR")),
        ("₹85L", 8_500_000.0, Some("INR")),
        ("₹ 1 crore 20 lakh", 12_000_000.0, Some("INR")),
        ("PKR 2.5 Crore", 25_000_000.0, Some("PKR")),
        ("Rp 850 juta", 850_000_000.0, Some("IDR")),
        ("Rp 1.250 juta", 1_250_000_000.0, Some("IDR")),
        ("Rp 1,2 miliar", 1_200_000_000.0, Some("IDR")),
        ("2,5 tỷ", 2_500_000_000.0, None),
        ("2 tỷ 500 triệu đồng", 2_500_000_000.0, Some("VND")),
        ("3億5,000万円", 350_000_000.0, Some("JPY")),
        ("5,480万円", 54_800_000.0, Some("JPY")),
        ("価格：5,480万円(税込)", 54_800_000.0, Some("JPY")),
        ("3억 5천만원", 350_000_000.0, Some("KRW")),
        ("168万元", 1_680_000.0, Some("CNY")),
        ("1,680萬元", 16_800_000.0, None),
    ] {
        assert_eq!(one(text), Some((amount, code)), "{text}");
    }
}

#[test]
fn abbreviations_multiply_nothing() {
    for (text, amount) in [
        ("€ 595.000 k.k.", 595_000.0),
        ("€ 595.000 kk", 595_000.0),
        ("k.k. 595.000 €", 595_000.0),
        ("€ 595.000 v.o.n.", 595_000.0),
        ("€ 595.000 kosten koper", 595_000.0),
        ("$595,000 M.N.", 595_000.0),
        ("$595,000 M/L", 595_000.0),
        ("595.000 € VB", 595_000.0),
        ("595 000 € FAI", 595_000.0),
        ("595 000 € HAI", 595_000.0),
        ("£595,000 ono", 595_000.0),
        ("£595,000 OIRO", 595_000.0),
        ("£595,000 guide price", 595_000.0),
        ("£595,000+", 595_000.0),
        ("595000 negotiable", 595_000.0),
    ] {
        assert_eq!(one(text).map(|(amount, _)| amount), Some(amount), "{text}");
    }
}

#[test]
fn a_word_that_is_not_understood_gives_no_price() {
    for text in [
        "€ 2.4 zillion",
        "€ 2.4 m",
        "$1.2 gazillion",
        "2.4 foobar €",
        "£425 bazillions",
        "1억5000",
        "5,000万円台",
        "$ 1 mil",
        "120 m²",
        "1,200 sq ft",
        "3 bedroom house",
        "12 Oak St",
        "25%",
        "£500 per person",
        "£ 425 , 000",
        "£ 425 ,000",
        "£425, 000",
        "425 , 500 €",
    ] {
        assert_eq!(price_text(text).amount, None, "{text}");
    }
}

#[test]
fn the_number_beside_the_currency_counts() {
    for (text, amount, code) in [
        ("2 for 425,000 EUR", 425_000.0, Some("EUR")),
        ("Nr. 12, 425.000 €", 425_000.0, Some("EUR")),
        ("3 Zimmer, 425.000 €", 425_000.0, Some("EUR")),
        ("Nr. 12 EUR 425.000", 425_000.0, Some("EUR")),
        ("for 425,000 EUR", 425_000.0, Some("EUR")),
        ("Price: £425,000", 425_000.0, Some("GBP")),
        ("Kaufpreis (EUR): 425.000", 425_000.0, Some("EUR")),
        ("Offers over £310,000", 310_000.0, Some("GBP")),
        ("From £425,000", 425_000.0, Some("GBP")),
        ("ab 425.000 €", 425_000.0, Some("EUR")),
        ("à partir de 425 000 €", 425_000.0, Some("EUR")),
        ("£425,000 3 bed 2 bath", 425_000.0, Some("GBP")),
        ("€425.000 (3.500 €/m²)", 425_000.0, Some("EUR")),
        ("3.500 €/m² 425.000 €", 425_000.0, Some("EUR")),
        ("£425,000 Detached house", 425_000.0, Some("GBP")),
        ("Kaution 2.000 €, Miete 950 €", 950.0, Some("EUR")),
        ("offers over 310,000", 310_000.0, None),
    ] {
        assert_eq!(one(text), Some((amount, code)), "{text}");
    }
}

#[test]
fn a_stated_code_wins_over_a_sign() {
    for (text, code) in [
        ("$1,200,000 AUD", "AUD"),
        ("AUD $1,200,000", "AUD"),
        ("AUD$1,200,000", "AUD"),
        ("$1,200,000 (AUD)", "AUD"),
        ("Price in CAD: $1,200,000", "CAD"),
        ("450 000 $ CA", "CAD"),
        ("$1.2M USD", "USD"),
    ] {
        assert_eq!(price_text(text).currency.code(), Some(code), "{text}");
    }
    assert_eq!(price_text("$1,200,000").currency, CurrencyHint::Sign("$"));
    assert_eq!(price_text("1 395 000 kr").currency.resolve(Some("SE")), Some("SEK"));
}

#[test]
fn prices_per_area_are_no_price_of_the_home() {
    for text in [
        "€ 3.500/m²",
        "3.500 € / m²",
        "$250 per sqft",
        "£450 per sq ft",
        "Preis pro m²: 3.500 €",
        "12 万円/坪",
    ] {
        assert_eq!(price_text(text).amount, None, "{text}");
    }
}

#[test]
fn of_an_old_and_a_new_price_the_new_one_counts() {
    for (text, amount, previous) in [
        ("was £450,000 now £425,000", 425_000.0, 450_000.0),
        ("Was £450,000, now £425,000", 425_000.0, 450_000.0),
        ("Now £425,000 (was £450,000)", 425_000.0, 450_000.0),
        ("£425,000 was £450,000", 425_000.0, 450_000.0),
        ("Reduced from $500k to $450k", 450_000.0, 500_000.0),
        ("Reduced to £425,000 from £450,000", 425_000.0, 450_000.0),
        ("£425,000 reduced from £450,000", 425_000.0, 450_000.0),
        ("Increased from $450k to $500k", 500_000.0, 450_000.0),
        ("statt 500.000 € nur 450.000 €", 450_000.0, 500_000.0),
        ("450.000 € statt 500.000 €", 450_000.0, 500_000.0),
        ("von 500.000 € auf 450.000 €", 450_000.0, 500_000.0),
        ("450 000 € au lieu de 500 000 €", 450_000.0, 500_000.0),
        ("antes 500.000 € ahora 450.000 €", 450_000.0, 500_000.0),
        ("De R$ 500.000 por R$ 450.000", 450_000.0, 500_000.0),
        ("prima 500.000 € ora 450.000 €", 450_000.0, 500_000.0),
        ("van € 500.000 voor € 450.000", 450_000.0, 500_000.0),
        ("was 450,000 now 425,000", 425_000.0, 450_000.0),
    ] {
        let read = price_text(text);
        assert_eq!((read.amount, read.previous), (Some(Amount::One(amount)), Some(previous)), "{text}");
    }
    assert_eq!(price_text("Reduced by £25,000 to £425,000").amount, Some(Amount::One(425_000.0)));
}

#[test]
fn a_sold_price_is_said_to_be_one() {
    for text in [
        "Sold for £310,000 in 2019",
        "Last sold in 2019 for £310,000",
        "Verkauft für 310.000 €",
        "Sold: £310,000",
    ] {
        let read = price_text(text);
        assert_eq!((read.amount, read.sold), (Some(Amount::One(310_000.0)), true), "{text}");
    }
    for text in ["£310,000 (last sold for £250,000)", "Sold STC £310,000", "Offers over £310,000"] {
        let read = price_text(text);
        assert_eq!((read.amount, read.sold), (Some(Amount::One(310_000.0)), false), "{text}");
    }
}

#[test]
fn ranges_are_no_single_price() {
    for (text, low, high) in [
        ("£90,000 - £120,000", 90_000.0, 120_000.0),
        ("£90,000–£120,000", 90_000.0, 120_000.0),
        ("£90,000 -£120,000", 90_000.0, 120_000.0),
        ("$300,000 to $350,000", 300_000.0, 350_000.0),
        ("From £300,000 to £350,000", 300_000.0, 350_000.0),
        ("Between £300,000 and £350,000", 300_000.0, 350_000.0),
        ("€ 300.000 bis 350.000", 300_000.0, 350_000.0),
        ("€ 300 - 350.000", 300_000.0, 350_000.0),
        ("zwischen 300.000 und 350.000 €", 300_000.0, 350_000.0),
        ("de 300 000 € à 350 000 €", 300_000.0, 350_000.0),
        ("entre 300.000 y 350.000 €", 300_000.0, 350_000.0),
        ("da € 300.000 a € 350.000", 300_000.0, 350_000.0),
        ("od 300 do 350 tys. zł", 300_000.0, 350_000.0),
        ("425-480k", 425_000.0, 480_000.0),
        ("£425-480k", 425_000.0, 480_000.0),
        ("£1.2-1.5m", 1_200_000.0, 1_500_000.0),
        ("₹1.2 Cr - 1.5 Cr", 12_000_000.0, 15_000_000.0),
        ("5,480万円〜6,980万円", 54_800_000.0, 69_800_000.0),
    ] {
        assert_eq!(price_text(text).amount, Some(Amount::Range { low, high }), "{text}");
    }
}

#[test]
fn periods_make_a_rent() {
    use RentalPeriod::{Day, Month, Week, Year};
    for (text, amount, period) in [
        ("£1,250 pcm", 1_250.0, Month),
        ("£1,250pcm", 1_250.0, Month),
        ("£1,250 p.c.m.", 1_250.0, Month),
        ("£1,250 per calendar month", 1_250.0, Month),
        ("£1,250 (pcm)", 1_250.0, Month),
        ("£1,250 pcm (£288 pw)", 1_250.0, Month),
        ("£290 pw", 290.0, Week),
        ("£290 p/w", 290.0, Week),
        ("£290 per week", 290.0, Week),
        ("$1,200/mo", 1_200.0, Month),
        ("$1,200+/mo", 1_200.0, Month),
        ("$2.5k/month", 2_500.0, Month),
        ("1.250 €/Monat", 1_250.0, Month),
        ("1.250 € mtl.", 1_250.0, Month),
        ("1 250 € par mois", 1_250.0, Month),
        ("1 250 € CC / mois", 1_250.0, Month),
        ("1.250 €/mes", 1_250.0, Month),
        ("1.250 € al mese", 1_250.0, Month),
        ("R$ 2.500/mês", 2_500.0, Month),
        ("€ 1.250 per maand", 1_250.0, Month),
        ("2 500 zł miesięcznie", 2_500.0, Month),
        ("9 500 kr/månad", 9_500.0, Month),
        ("12.5万円/月", 125_000.0, Month),
        ("月額12万円", 120_000.0, Month),
        ("£15,000 p.a.", 15_000.0, Year),
        ("AED 85,000 per year", 85_000.0, Year),
        ("$120 per night", 120.0, Day),
    ] {
        let read = price_text(text);
        assert_eq!(read.amount, Some(Amount::One(amount)), "{text}");
        assert_eq!((read.period, read.lease), (Some(period), true), "{text}");
    }
    let cold = price_text("Kaltmiete 950 €");
    assert_eq!((cold.period, cold.lease), (None, true));
    assert!(!price_text("£425,000").lease);
}

#[test]
fn a_price_on_request_has_no_amount() {
    for text in
        ["POA", "Price on application", "Preis auf Anfrage", "prix sur demande", "要相談", "TBA", "Auction"]
    {
        let read = price_text(text);
        assert_eq!((read.amount, read.on_request), (None, true), "{text}");
    }
    let read = price_text("Contact agent, offers over £425,000");
    assert_eq!((read.amount, read.on_request), (Some(Amount::One(425_000.0)), false));
}

#[test]
fn placeholders_are_no_amounts() {
    for text in [
        "0",
        "1",
        "£0",
        "€ 1",
        "9999999",
        "$99,999,999",
        "123456789",
        "111111111",
        "",
        "$$",
        "-5",
        "−1",
        "£-5",
    ] {
        assert_eq!(price_text(text).amount, None, "{text}");
    }
    assert_eq!(one("$999,999"), Some((999_999.0, None)));
}

#[test]
fn amounts_in_a_text_need_a_currency() {
    let codes = |text: &str| -> Vec<(f64, Option<&'static str>)> {
        prices_in(text).into_iter().map(|(amount, hint)| (amount, hint.resolve(None))).collect()
    };

    assert_eq!(
        codes("3 bed house in 2019, £425,000, 120 m², € 3.500/m², 500.000 € near 12 Oak St"),
        [(425_000.0, Some("GBP")), (500_000.0, Some("EUR"))]
    );
    assert_eq!(codes("£90,000 - £120,000"), [(90_000.0, Some("GBP")), (120_000.0, Some("GBP"))]);
    assert!(codes("425,000 and 500,000").is_empty());
    assert_eq!(prices_in(&"£5,000 ".repeat(1_000)).len(), 50);
}

#[test]
fn hostile_texts_are_bounded() {
    for text in ["£1-".repeat(100_000), "1 000 ".repeat(100_000), "億".repeat(100_000), "p.".repeat(100_000)]
    {
        assert!(!price_text(&text).on_request);
        assert!(prices_in(&text).len() <= 50);
    }
}
