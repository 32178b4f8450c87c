//! What an object or a list is to the object that holds it, by its key: a part of a home, other homes, or what is no
//! home however it looks.

use crate::protocol::property::MediaKind;

/// What an object or a list is to the object that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyClass {
    /// Parts of a home.
    Address,
    Geo,
    Price,
    Facts,
    Media(MediaKind),
    Badges,
    /// A home, or one side of it: `listing`, `property`.
    Home,
    /// Homes in the place of several: a list of one may be the home of the page.
    Homes,
    /// Other homes than that of the page.
    Others,
    Party(Party),
    /// What the page tells to analytics and advertisers.
    Tracking,
    /// Never a home itself, but it may hold some: settings, search, the neighbourhood.
    Setting,
    /// Nothing below it is about a home: filters, forms, calculators, histories.
    Ignored,
}

/// Who offers a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Agent,
    Office,
    /// An owner, a user or a contact, whose name is not told.
    Other,
}

/// The class of a key in normal form; `name` is the key as it is written.
pub(super) fn class(folded: &str, name: &str) -> Option<KeyClass> {
    exact_class(folded).or_else(|| {
        let rules: [fn(&str, &str) -> Option<KeyClass>; 3] = [no_home, party, others];
        rules.iter().find_map(|rule| rule(folded, name))
    })
}

fn exact_class(folded: &str) -> Option<KeyClass> {
    use KeyClass::*;
    Some(match folded {
        "address"
        | "addresses"
        | "location"
        | "locations"
        | "locationaddress"
        | "addressdetails"
        | "addressinfo"
        | "addressdata"
        | "fulladdress"
        | "postaladdress"
        | "displayaddress"
        | "propertyaddress"
        | "listingaddress"
        | "streetaddress"
        | "unparsedaddress"
        | "formattedaddress"
        | "locationdetails"
        | "locationinfo"
        | "locationdata"
        | "place"
        | "ubication"
        | "ubicacion"
        | "localisation"
        | "localizacion"
        | "localizacao"
        | "lokalizacja"
        | "adresse"
        | "adres"
        | "direccion"
        | "indirizzo"
        | "endereco"
        | "lage"
        | "standort"
        | "postaladdressdetails" => Address,
        "geo" | "coordinate" | "coordinates" | "coords" | "latlong" | "latlng" | "latlon" | "lnglat"
        | "geolocation" | "geopoint" | "geometry" | "position" | "point" | "map" | "mapinfo" | "mapdata"
        | "geocoordinates" | "gps" | "mapposition" | "centroid" => Geo,
        "price" | "prices" | "pricing" | "priceinfo" | "pricedetails" | "pricedata" | "priceinformation"
        | "transaction" | "transactions" | "sale" | "rental" | "listprice" | "askingprice"
        | "currentprice" | "displayprice" | "primaryprice" | "saleprice" | "sellingprice" | "kaufpreis"
        | "preis" | "preise" | "prix" | "precio" | "precios" | "prezzo" | "preco" | "prijs" | "cena"
        | "pris" | "rent" | "monthlyrent" | "costs" | "cost" | "finance" | "financial" | "financials"
        | "offer" | "priceobject" | "amount" | "rentprice" | "pricevalue" => Price,
        "description"
        | "descriptions"
        | "details"
        | "facts"
        | "features"
        | "specs"
        | "specifications"
        | "attributes"
        | "resofacts"
        | "basics"
        | "homeinfo"
        | "hdpdata"
        | "propertydetails"
        | "listingdetails"
        | "homedetails"
        | "buildingdetails"
        | "building"
        | "characteristics"
        | "generalfeatures"
        | "morecharacteristics"
        | "keyfacts"
        | "keydetails"
        | "keyfeatures"
        | "keyinfo"
        | "basicinfo"
        | "propertyinfo"
        | "propertyfeatures"
        | "propertyfacts"
        | "homefacts"
        | "amenities"
        | "parameters"
        | "dimensions"
        | "sizing"
        | "sizes"
        | "areas"
        | "surfaces"
        | "area"
        | "surface"
        | "size"
        | "hardfacts"
        | "mainfacts"
        | "maindata"
        | "merkmale"
        | "eckdaten"
        | "objektdaten"
        | "kenmerken"
        | "caracteristicas"
        | "caracteristiques"
        | "caratteristiche"
        | "cechy"
        | "datos"
        | "fakta"
        | "overview"
        | "summary"
        | "interior"
        | "structure"
        | "fields"
        | "properties"
        | "additionalproperties"
        | "additionalproperty"
        | "technicaldata"
        | "land"
        | "livingspace"
        | "livingarea"
        | "floorarea"
        | "lot"
        | "plot"
        | "accommodation"
        | "rooms"
        | "room"
        | "topology"
        | "energy"
        | "certificates"
        | "energycertificate" => Facts,
        "images" | "image" | "photos" | "photo" | "pictures" | "picture" | "gallery" | "galleries"
        | "media" | "medias" | "multimedia" | "multimedias" | "imageurls" | "photourls" | "pictureurls"
        | "imagelist" | "photolist" | "galleryimages" | "listingimages" | "propertyimages" | "mainimage"
        | "mainphoto" | "coverimage" | "coverphoto" | "primaryphoto" | "heroimage" | "bilder" | "bild"
        | "fotos" | "foto" | "immagini" | "imagenes" | "imagens" | "zdjecia" | "afbeeldingen"
        | "originalphotos" | "responsivephotos" | "hugephotos" | "urls" => Media(MediaKind::Photo),
        "floorplans" | "floorplan" | "floorplanimages" | "grundrisse" | "grundriss" | "planos" | "plans"
        | "planimetrie" | "plattegronden" | "planlosning" | "plantas" => Media(MediaKind::FloorPlan),
        "videos" | "video" | "videourls" => Media(MediaKind::Video),
        "virtualtours" | "virtualtour" | "tours" | "tours3d" | "virtualtoururls" | "panoramas"
        | "visitevirtuelle" => Media(MediaKind::Tour),
        "brochures" | "brochure" | "documents" | "pdfs" => Media(MediaKind::Document),
        "badges" | "badge" | "flags" | "flag" | "labels" | "tags" | "ribbons" | "banners" | "statuses"
        | "etiquetas" => Badges,
        "listing" | "property" | "home" | "house" | "unit" | "realestate" | "estate" | "ad" | "advert"
        | "classified" | "expose" | "annonce" | "anuncio" | "inmueble" | "immobile" | "imovel"
        | "immobilie" | "objekt" | "woning" | "object" | "propertydata" | "listingdata"
        | "propertylisting" | "residence" | "apartment" | "dwelling" | "propertydetail" | "listingdetail"
        | "addetail" | "adview" | "node" | "bien" | "annuncio" | "oferta" | "ogloszenie" | "bostad" => Home,
        "listings" | "results" | "result" | "hits" | "items" | "edges" | "nodes" | "homes" | "houses"
        | "units" | "ads" | "adverts" | "offers" | "classifieds" | "anuncios" | "annonces" | "annunci"
        | "objekte" | "immobilien" | "estates" | "realestates" | "entities" | "byid" | "listitems"
        | "elements" | "cards" | "products" | "docs" | "records" | "entries" | "list" | "propertylist"
        | "propertylistings" | "inmuebles" | "biens" => Homes,
        "searchresults" | "searchresult" | "listresults" | "mapresults" | "resultlist"
        | "resultlistmodel" | "carousel" | "carousels" | "featured" | "spotlight" | "teasers" | "comps"
        | "comparables" | "soldnearby" | "recentsales" | "pins" | "markers" | "mappins" => Others,
        "datalayer" | "targeting" | "analytics" | "tracking" | "gtm" | "dfp" | "gpt" | "utag"
        | "trackingdata" | "analyticsdata" | "ecommerce" => Tracking,
        "seo" | "meta" | "pagemeta" | "metadata" | "head" | "config" | "settings" | "options"
        | "defaults" | "search" | "runtimeconfig" | "translations" | "i18n" | "schools" | "pois"
        | "neighborhood" | "neighbourhood" | "neighborhoods" | "transport" | "breadcrumbs" | "breadcrumb"
        | "navigation" | "footer" | "header" | "menu" | "banner" => Setting,
        "query" | "params" | "querystate" | "queryparams" | "routeparams" | "facets" | "facet"
        | "pricerange" | "savedsearch" | "savedsearches" | "searchform" | "searchparams" | "searchquery"
        | "searchcriteria" | "searchrequest" | "searchfilters" | "searchoptions" | "form" | "forms"
        | "lead" | "calculator" | "estimate" | "estimates" | "zestimate" | "valuation" | "avm"
        | "statistics" | "stats" | "marketdata" | "markettrends" | "insights" | "openhouses" | "taxes"
        | "fees" | "experiments" => Ignored,
        _ => return None,
    })
}

fn no_home(folded: &str, name: &str) -> Option<KeyClass> {
    let has = |words: &[&str]| words.iter().any(|word| folded.contains(word));
    let is_form = name.ends_with("Form") || name.ends_with("_form") || name.ends_with("-form");
    if is_form
        || folded.starts_with("filter")
        || folded.ends_with("filter")
        || folded.ends_with("filters")
        || folded.starts_with("loan")
        || has(&["mortgage", "calculator", "affordab", "histogram", "aggregation", "history", "facets"])
    {
        return Some(KeyClass::Ignored);
    }
    if has(&["targeting", "adtarget", "analytics", "tracking", "adparams", "datalayer"]) {
        return Some(KeyClass::Tracking);
    }
    has(&["school", "config", "settings", "nearbyplaces", "poi"]).then_some(KeyClass::Setting)
}

fn party(folded: &str, _: &str) -> Option<KeyClass> {
    let begins = |words: &[&str]| words.iter().any(|word| folded.starts_with(word));
    let ends = |words: &[&str]| words.iter().any(|word| folded.ends_with(word));
    let agents = ["agent", "agents", "realtor", "makler", "agente", "makelaar", "maklare", "negotiator"];
    let offices = [
        "agency",
        "agencies",
        "agence",
        "agencia",
        "agenzia",
        "office",
        "broker",
        "brokerage",
        "branch",
        "company",
        "advertiser",
        "publisher",
        "inmobiliaria",
        "imobiliaria",
        "customer",
        "developer",
        "biuro",
    ];
    let others = [
        "owner",
        "user",
        "contact",
        "contacts",
        "seller",
        "landlord",
        "vendor",
        "anbieter",
        "author",
        "profile",
        "account",
        "dealer",
        "contactperson",
    ];
    let party = if ends(&agents) || begins(&["agentinfo", "agentdetails"]) {
        Party::Agent
    } else if ends(&offices) || begins(&["agency", "agencies", "broker", "office", "branch", "advertiser"]) {
        Party::Office
    } else if ends(&others) || begins(&["agent", "contact", "seller", "owner", "user", "profile"]) {
        Party::Other
    } else {
        return None;
    };
    Some(KeyClass::Party(party))
}

fn others(folded: &str, _: &str) -> Option<KeyClass> {
    const BEGINNINGS: [&str; 28] = [
        "similar",
        "related",
        "recommend",
        "nearby",
        "suggest",
        "recent",
        "lastviewed",
        "viewed",
        "saved",
        "favourite",
        "favorite",
        "featured",
        "carousel",
        "comparable",
        "alternativ",
        "morelisting",
        "morehome",
        "moreproperties",
        "morefrom",
        "otherlisting",
        "otherhome",
        "otherproperties",
        "promoted",
        "sponsored",
        "aehnlich",
        "ahnlich",
        "alsoviewed",
        "youmay",
    ];
    const PARTS: [&str; 6] =
        ["similar", "recommendation", "searchresults", "recentlyviewed", "carousel", "neighborhomes"];
    let is_others = BEGINNINGS.iter().any(|word| folded.starts_with(word))
        || PARTS.iter().any(|word| folded.contains(word))
        || folded.ends_with("nearby");
    is_others.then_some(KeyClass::Others)
}

#[cfg(test)]
mod tests {
    use super::super::super::vocabulary::fold_key;
    use super::*;

    fn class_of(key: &str) -> Option<KeyClass> {
        class(&fold_key(key), key)
    }

    #[test]
    fn keys_of_other_things_are_no_homes() {
        for key in [
            "filters",
            "priceFilter",
            "searchForm",
            "mortgageCalculator",
            "priceHistory",
            "facets",
            "loanData",
        ] {
            assert_eq!(class_of(key), Some(KeyClass::Ignored), "{key}");
        }
        for key in ["adTargets", "dfpTargeting", "dataLayer", "trackingParams"] {
            assert_eq!(class_of(key), Some(KeyClass::Tracking), "{key}");
        }
        for key in ["recommended", "similarListings", "recentlyViewed", "nearbyHomes", "searchResults"] {
            assert_eq!(class_of(key), Some(KeyClass::Others), "{key}");
        }
        for (key, party) in [
            ("agent", Party::Agent),
            ("listingAgent", Party::Agent),
            ("agency", Party::Office),
            ("branch", Party::Office),
            ("contactInfo", Party::Other),
            ("user", Party::Other),
        ] {
            assert_eq!(class_of(key), Some(KeyClass::Party(party)), "{key}");
        }
        for key in ["platform", "pageProps", "data", "transform", "initialState"] {
            assert_eq!(class_of(key), None, "{key}");
        }
    }
}
