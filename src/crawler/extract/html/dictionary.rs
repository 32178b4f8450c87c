//! The labels of facts in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish and Japanese,
//! some in Estonian, Russian and Hebrew, and the field that each means. A label that means nothing to a listing is in it only where its value could be mistaken
//! for a price.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::field::{AreaUnit, Field, KeyRank};
use super::fold::fold;

/// What the value beside a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Fact(Field),
    /// A price for which the home is sold, not let.
    SalePrice,
    /// A rent, by the month unless its text says otherwise.
    Rent,
    /// The size of a home as a code: `T3` (Portugal: three bedrooms), `3LDK`.
    Layout,
    /// An amount that is no price of the home.
    OtherAmount,
}

impl Meaning {
    /// Whether only homes have this fact.
    pub(super) fn is_home_fact(self) -> bool {
        match self {
            Self::SalePrice | Self::Rent | Self::Layout => true,
            Self::OtherAmount => false,
            Self::Fact(field) => {
                field == Field::EnergyRating
                    || field == Field::Tenure
                    || self.is_rooms_or_area()
                    || field == Field::YearBuilt
            }
        }
    }

    pub(super) fn is_rooms_or_area(self) -> bool {
        let sizes = [Field::Bedrooms, Field::Rooms, Field::Baths, LIVING_AREA, LOT_SIZE];
        self == Self::Layout || sizes.iter().any(|field| self == Self::Fact(*field))
    }

    pub(super) fn is_price(self) -> bool {
        matches!(self, Self::SalePrice | Self::Rent | Self::Fact(Field::ListPrice))
    }
}

const LIVING_AREA: Field = Field::LivingArea(AreaUnit::Unknown);
const LOT_SIZE: Field = Field::LotSize(AreaUnit::Unknown);

/// The meaning of a folded label, without a colon.
pub(super) fn meaning(folded: &str) -> Option<Meaning> {
    let find = |label: &str| LABELS.get(label).copied();
    find(folded).or_else(|| {
        let label = folded.trim_end_matches([':', '*', '.', ' ', '#']);
        let label = label.strip_suffix(" ca").or_else(|| label.strip_suffix(" approx")).unwrap_or(label);
        find(label).or_else(|| {
            let prefix = COUNT_WORDS.iter().find_map(|words| label.strip_prefix(words))?;
            find(prefix.trim_start())
        })
    })
}

/// Words in front of what is counted.
const COUNT_WORDS: [&str; 22] = [
    "number of ",
    "no of ",
    "no. of ",
    "# of ",
    "total number of ",
    "total ",
    "anzahl der ",
    "anzahl ",
    "anz. ",
    "nombre de ",
    "nombre d'",
    "nb de ",
    "nb. de ",
    "numero de ",
    "numero di ",
    "n. ",
    "no de ",
    "n de ",
    "aantal ",
    "liczba ",
    "antal ",
    "ilosc ",
];

static LABELS: LazyLock<HashMap<String, Meaning>> = LazyLock::new(|| {
    let pairs = WORDS.iter().flat_map(|(meaning, list)| {
        list.split(',').map(|label| (fold(label.trim()), *meaning)).filter(|(label, _)| !label.is_empty())
    });
    pairs.collect()
});

/// Labels by meaning; each line is a language, in the order above.
const WORDS: &[(Meaning, &str)] = &[
    (
        Meaning::Fact(Field::ListPrice),
        "price, asking price, list price, listing price, current price, guide price, offers over,
        offers in excess of,
        offers in the region of, price guide,
        preis, angebotspreis, gesamtpreis,
        prix, precio, prezzo, preco, preço total, prijs, cena, pris, pris från, 価格, 販売価格, 物件価格",
    ),
    (
        Meaning::SalePrice,
        "sale price, purchase price, selling price, kaufpreis, verkaufspreis, kaufpreis (vb), immobilienpreis,
        prix de vente, prix d'achat, prix du bien, precio de venta, precio venta, prezzo di vendita,
        prezzo vendita,
        preço de venda, valor de venda, preço venda, vraagprijs, koopprijs, koopsom, cena sprzedaży,
        utgångspris,
        begärt pris, accepterat pris, 売買価格",
    ),
    (
        Meaning::Rent,
        "rent, monthly rent, rent per month, rental price, kaltmiete, nettokaltmiete, miete, nettomiete,
        monatsmiete,
        kaltmiete (netto), loyer, loyer mensuel, loyer hors charges, loyer charges comprises, loyer cc,
        loyer hc,
        alquiler, alquiler mensual, renta, renta mensual, precio de alquiler, precio alquiler, canone,
        canone di locazione, canone mensile, affitto, affitto mensile, prezzo affitto, renda, renda mensal,
        aluguel,
        aluguer, valor do aluguel, preço de arrendamento, huurprijs, huur, kale huur, huur per maand, czynsz,
        czynsz najmu, cena najmu, wynajem, hyra, månadshyra, hyra per månad, 賃料, 家賃, 月額賃料",
    ),
    (
        Meaning::Fact(Field::ClosePrice),
        "sold price, sold for, final price, closing price, close price, verkauft für, prix vendu, slutpris,
        成約価格",
    ),
    (
        Meaning::Fact(Field::OriginalListPrice),
        "original price, original list price, original asking price, ursprünglicher preis, prix initial,
        precio inicial, prezzo iniziale, preço inicial, oorspronkelijke vraagprijs, cena początkowa",
    ),
    (
        Meaning::OtherAmount,
        "deposit, security deposit, holding deposit, service charge, ground rent, hoa, hoa fee, hoa fees,
        hoa dues,
        council tax, tax, taxes, annual taxes, property tax, property taxes, stamp duty, monthly payment,
        estimated payment, est. payment, est. monthly payment, price per sq ft, price per square foot,
        price/sqft,
        price / sqft, price/sq ft, $/sqft, price per sqm, price per sq m, price per m2, price/m2, estimate,
        valuation,
        estimated value, rental estimate, maintenance fee, admin fee, application fee, rental income, yield,
        previous price, old price, last sold price, last sold, tax assessed value, assessed value,
        nebenkosten, heizkosten, kaution, provision, käuferprovision, maklerprovision, hausgeld, warmmiete,
        gesamtmiete, betriebskosten, preis/m2, preis pro m2, kaufpreis/m2, kaufpreis pro m2, quadratmeterpreis,
        mieteinnahmen, monatliche rate, stellplatzpreis, garagenpreis, kaution oder genossenschaftsanteile,
        charges, charges mensuelles, honoraires, frais d'agence, dépôt de garantie, caution, taxe foncière,
        prix au m2, prix/m2, prix m2, charges de copropriété, mensualité, provision sur charges,
        gastos, gastos de comunidad, fianza, ibi, honorarios, precio por m2, precio/m2, precio m2, cuota,
        comunidad,
        spese, spese condominiali, spese condominio, cauzione, deposito, prezzo al m2, prezzo/m2, rata,
        condomínio, condominio, iptu, caução, caucao, preço por m2, preço/m2, taxa de condomínio,
        servicekosten, waarborgsom, borg, bijdrage vve, vve bijdrage, prijs per m2, vraagprijs per m2,
        huurinkomsten,
        kaucja, czynsz administracyjny, opłaty, opłaty administracyjne, cena za m2, cena za metr, cena/m2,
        avgift, månadsavgift, driftkostnad, driftskostnad, pris per m2, pris/m2, kvadratmeterpris, pantbrev,
        uppvärmningskostnad, depositum, deposition,
        管理費, 共益費, 管理費等, 修繕積立金, 敷金, 礼金, 保証金, 仲介手数料, 坪単価, m2単価, 月々支払額",
    ),
    (
        Meaning::Fact(Field::Bedrooms),
        "bedrooms, bedroom, beds, bed, bedroom(s), br, bedrms,
        schlafzimmer, chambres, chambre, chambre(s), dormitorios, dormitorio, habitaciones, habitación,
        recámaras,
        alcobas, hab., camere da letto, camera da letto, camere, stanze da letto,
        quartos, quarto, dormitórios, dormitório, slaapkamers, slaapkamer, sypialnie, sypialni, sypialnia,
        liczba sypialni, sovrum, 寝室, 寝室数,
        magamistube, magamistoad, спальни",
    ),
    (
        Meaning::Fact(Field::Rooms),
        "rooms, total rooms, reception rooms and bedrooms, zimmer, zimmeranzahl, zimmer gesamt, räume,
        pièces, pièce, pièce(s), nb pièces, ambientes, estancias, locali, vani, numero locali, stanze,
        assoalhadas, divisões, cômodos, kamers, kamer, kamers totaal, pokoje, pokoi, pokój, rum, antal rum,
        部屋数,
        tubade arv, комнат, количество комнат, число комнат, חדרים",
    ),
    (Meaning::Layout, "layout, tipologia, tipología, typologie, 間取り, 間取"),
    (
        Meaning::Fact(Field::Baths),
        "bathrooms, bathroom, baths, bath, bathroom(s), total bathrooms,
        badezimmer, bäder, bad, salles de bain, salles de bains, salle de bain, salle de bains, salles d'eau,
        baños, baño, bagni, bagno, casas de banho, casa de banho, banheiros, banheiro,
        badkamers, badkamer, łazienki, łazienka, łazienek, badrum, 浴室, 浴室数,
        vannitube",
    ),
    (
        Meaning::Fact(LIVING_AREA),
        "living area, living space, floor area, floor size, floor space, internal area, size, area,
        square feet, sqft,
        sq ft, sq. ft., sqm, built-up area, built up area, built area, covered area, usable area, interior area,
        gross internal area, home size, interior livable area, total area, property size, unit size,
        carpet area,
        super area, gross floor area, building size, house size,
        wohnfläche, wfl., wohnfl., fläche, nutzfläche, gesamtfläche, wohn-/nutzfläche, wohnfläche ca.,
        surface, surface habitable, surface totale, surface loi carrez, loi carrez, surface carrez,
        surf. habitable,
        superficie, superficie construida, superficie útil, superficie total, m2 construidos,
        metros construidos,
        superficie habitable, área construida, área, superficie commerciale, superficie interna,
        superficie calpestabile,
        superficie abitabile, metratura, mq,
        área útil, área bruta, área bruta privativa, área total, área privativa, área bruta de construção,
        woonoppervlakte, wonen, gebruiksoppervlakte wonen, gebruiksoppervlakte, oppervlakte, woonoppervlak,
        bewoonbare oppervlakte, powierzchnia, powierzchnia użytkowa, powierzchnia mieszkania, powierzchnia domu,
        powierzchnia całkowita, metraż, boarea, boyta, bostadsyta, yta, 専有面積, 建物面積, 延床面積, 床面積, 面積,
        üldpind, общая площадь, площадь, מ״ר, שטח במ״ר",
    ),
    (
        Meaning::Fact(LOT_SIZE),
        "lot size, lot, lot area, land size, land area, plot size, plot area, plot, site area, site size,
        block size,
        grundstück, grundstücksfläche, grundstücksgröße, grundstücksfläche ca., grundfläche,
        terrain, surface du terrain, surface terrain, superficie du terrain, surface de la parcelle,
        parcela, superficie parcela, superficie de parcela, tamaño de la parcela, superficie terreno, terreno,
        superficie del terreno, superficie de terreno, superficie del lotto, área do terreno, área terreno,
        lote, tamanho do terreno, perceel, perceeloppervlakte, oppervlakte perceel, perceelgrootte,
        grondoppervlakte,
        działka, powierzchnia działki, tomt, tomtarea, tomtyta, 土地面積, 敷地面積",
    ),
    (
        Meaning::Fact(Field::YearBuilt),
        "year built, built, built in, construction year, year of construction, built year, build year,
        baujahr, année de construction, construit en, année construction, construction,
        año de construcción, año construcción, año, construido en, antigüedad, anno di costruzione,
        anno costruzione,
        anno, ano de construção, ano construção, ano, bouwjaar, rok budowy, rok, byggår, byggnadsår,
        nybyggnadsår,
        築年月, 建築年月, 完成時期, 築年,
        ehitusaasta, год постройки",
    ),
    (
        Meaning::Fact(Field::Stories),
        "stories, storeys, floors, levels, total floors, floors in building, etagenanzahl, etagen, stockwerke,
        étages, nombre d'étages, plantas, número de plantas, piani, totale piani, totale piani edificio, pisos,
        andares, woonlagen, aantal woonlagen, verdiepingen, bouwlagen, piętra, liczba pięter, våningar,
        antal plan",
    ),
    (
        Meaning::Fact(Field::Status),
        "status, listing status, sale status, property status, verkaufsstatus, vermarktungsstatus, statut,
        disponibilité, estado del anuncio, stato annuncio, situação, estado do anúncio, stan oferty, 取引状況,
        販売状況",
    ),
    (
        Meaning::Fact(Field::PropertyType),
        "property type, home type, type of property, type, house type, building type, style of home,
        property sub type,
        objekttyp, objektart, immobilientyp, haustyp, wohnungstyp, immobilienart, objektkategorie,
        type de bien, type de logement, type de propriété, type de maison, tipo, tipo de inmueble,
        tipo de vivienda,
        tipo inmueble, tipo de propiedad, tipologia immobile, tipo di immobile, tipo immobile,
        tipo de imóvel, tipo de propriedade, tipo de imovel, soort woonhuis, soort woning, type woning,
        soort object,
        soort appartement, woningtype, objecttype, typ, rodzaj, rodzaj nieruchomości, typ nieruchomości,
        rodzaj zabudowy, bostadstyp, typ av bostad, objektstyp, 物件種別, 種別, 物件種目, 建物種別",
    ),
    (
        Meaning::Fact(Field::ListingType),
        "transaction type, offer type, transaction, purpose, vermarktungsart, angebotsart, type de transaction,
        type d'annonce, tipo de operación, operación, contratto, tipo di contratto, negócio, finalidade,
        tipo de negócio, aanbod, rodzaj transakcji, rodzaj oferty, upplåtelse, 取引,
        סוג העסקה",
    ),
    (
        Meaning::Fact(Field::Street),
        "street, street address, straße, strasse, straße/hausnummer, rue, calle, via, rua, logradouro,
        straat, ulica,
        gata, gatuadress, tänav, улица, רחוב",
    ),
    (
        Meaning::Fact(Field::Unparsed),
        "address, property address, full address, adresse, anschrift, objektadresse, dirección, direccion,
        indirizzo,
        endereço, morada, adres, adress, aadress, адрес, כתובת, 所在地, 住所",
    ),
    (
        Meaning::Fact(Field::City),
        "city, town, city/town, suburb, ort, stadt, wohnort, ville, commune, ciudad, municipio, localidad,
        población,
        città, comune, cidade, concelho, município, plaats, woonplaats, gemeente, miasto, miejscowość,
        postort, kommun, linn, город, עיר,
        市区町村",
    ),
    (
        Meaning::Fact(Field::State),
        "state, province, county, state/province, bundesland, département, provincia, estado, distrito,
        provincie,
        województwo, län, 都道府県",
    ),
    (
        Meaning::Fact(Field::PostalCode),
        "postcode, postal code, zip, zip code, plz, postleitzahl, code postal, código postal, cp, cap, cep,
        kod pocztowy, postnummer, 郵便番号",
    ),
    (Meaning::Fact(Field::Country), "country, land, pays, país, paese, nazione, kraj, 国"),
    (
        Meaning::Fact(Field::Key(KeyRank::Any)),
        "reference, ref, ref., reference number, ref no, ref. no., ref number, listing id, property id,
        property ref,
        property reference, mls, mls #, mls#, mls number, mls id, mls no, listing number, web reference,
        agent reference,
        objektnummer, objekt-nr, objekt-nr., objektnr, objektnr., objekt-id, objekt id, immobilien-id,
        scout-id, expose-id,
        anbieter-objektnummer, online-id, référence, réf, réf., référence annonce, référence de l'annonce,
        n de référence,
        referencia, referencia del anuncio, riferimento, rif., rif, codice, codice annuncio, referência, código,
        código do imóvel, referentie, referentienummer, objectnummer, numer oferty, numer referencyjny,
        nr oferty,
        sygnatura, id oferty, objektsnummer, referens, 物件番号, 物件コード, お問い合わせ番号",
    ),
    (
        Meaning::Fact(Field::EnergyRating),
        "energy rating, energy class, epc rating, epc, ber, ber rating, energy efficiency class,
        energieeffizienzklasse,
        energieklasse, effizienzklasse, dpe, classe énergie, classe énergétique, classe energie,
        diagnostic énergétique,
        certificado energético, calificación energética, consumo energía, clase energética, classe energetica,
        certificação energética, classe energética, energielabel, energieklasse, klasa energetyczna,
        energiklass",
    ),
    (
        Meaning::Fact(Field::Parking),
        "parking spaces, parking, garage spaces, car spaces, parking spots, garages, garage, stellplätze,
        stellplatz,
        garage/stellplatz, anzahl stellplätze, parkplätze, places de parking, places de stationnement,
        parkings,
        plazas de garaje, plazas de parking, estacionamientos, posti auto, box auto,
        lugares de estacionamento, vagas,
        vagas de garagem, garagem, parkeerplaatsen, miejsca parkingowe, parkeringsplatser, 駐車場台数",
    ),
    (
        Meaning::Fact(Field::Tenure),
        "tenure, ownership, ownership type, title type, eigentumsart, eigendomssituatie, eigendom,
        forma własności,
        upplåtelseform, 土地権利, 権利形態",
    ),
    (
        Meaning::Fact(Field::ListedAt),
        "listed on, listed, date listed, listing date, added on, date added, date posted, posted on,
        online since,
        online seit, eingestellt am, publié le, date de publication, mise en ligne, fecha de publicación,
        publicado el,
        data pubblicazione, pubblicato il, data de publicação, publicado em, aangeboden sinds, datum plaatsing,
        data dodania, data publikacji, publicerad, 情報公開日, 情報登録日",
    ),
    (
        Meaning::Fact(Field::OfficeName),
        "agency, listing office, brokerage, listed by, broker, marketed by, listing provided by, anbieter,
        makler,
        agence, agence immobilière, inmobiliaria, agenzia, agenzia immobiliare, imobiliária, imobiliaria,
        makelaar,
        kantoor, biuro nieruchomości, biuro, mäklarfirma, mäklarbyrå, 取扱会社, 取扱店舗, 不動産会社",
    ),
    (
        Meaning::Fact(Field::AgentName),
        "agent, listing agent, sales agent, ansprechpartner, ansprechpartnerin, conseiller, agente, asesor,
        corretor,
        contactpersoon, agent nieruchomości, mäklare, ansvarig mäklare, 担当者",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(label: &str) -> Option<Meaning> {
        meaning(&fold(label))
    }

    #[test]
    fn labels_of_ten_languages_are_known() {
        for label in [
            "Bedrooms:",
            "Schlafzimmer",
            "Nombre de chambres",
            "Dormitorios",
            "Camere da letto",
            "Quartos",
            "Aantal slaapkamers",
            "Liczba sypialni",
            "Sovrum",
            "寝室",
        ] {
            assert_eq!(of(label), Some(Meaning::Fact(Field::Bedrooms)), "{label}");
        }
        for label in [
            "Living area",
            "Wohnfläche ca.",
            "Surface habitable",
            "Superficie construida",
            "Superficie",
            "Área útil",
            "Woonoppervlakte",
            "Powierzchnia",
            "Boarea",
            "専有面積",
        ] {
            assert_eq!(of(label), Some(Meaning::Fact(LIVING_AREA)), "{label}");
        }
        for label in
            ["Kaufpreis", "Prix de vente", "Precio de venta", "Vraagprijs", "Cena sprzedaży", "Utgångspris"]
        {
            assert_eq!(of(label), Some(Meaning::SalePrice), "{label}");
        }
        for label in [
            "Rent",
            "Kaltmiete",
            "Loyer",
            "Alquiler",
            "Canone",
            "Renda",
            "Huurprijs",
            "Czynsz",
            "Hyra",
            "賃料",
        ] {
            assert_eq!(of(label), Some(Meaning::Rent), "{label}");
        }
    }

    #[test]
    fn some_labels_of_further_languages_are_known() {
        for label in ["Tubade arv", "Количество комнат", "חדרים"] {
            assert_eq!(of(label), Some(Meaning::Fact(Field::Rooms)), "{label}");
        }
        for label in ["Üldpind", "Общая площадь", "מ״ר"] {
            assert_eq!(of(label), Some(Meaning::Fact(LIVING_AREA)), "{label}");
        }
    }

    #[test]
    fn rooms_are_not_bedrooms_and_fees_are_no_prices() {
        for label in ["Zimmer", "Nombre de pièces", "Locali", "Aantal kamers", "Pokoje", "Antal rum"] {
            assert_eq!(of(label), Some(Meaning::Fact(Field::Rooms)), "{label}");
        }
        for label in
            ["Kaution", "Preis/m²", "Honoraires", "Gastos de comunidad", "Servicekosten", "Avgift", "管理費"]
        {
            assert_eq!(of(label), Some(Meaning::OtherAmount), "{label}");
        }
        assert_eq!(of("Weather"), None);
        assert_eq!(of(""), None);
    }
}
