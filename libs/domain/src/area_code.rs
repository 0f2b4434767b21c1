//! Where a telephone number's area code lies, as far as one time zone has all of it.
//!
//! Source: the North American Numbering Plan Administrator's list of area codes by state (nanpa.com), and the zones of the states.
//! An area code with two zones in it (850, 812, 701, …) is left out: of such a number nothing is known. People take their numbers
//! along when they move, so this is a hint and not a proof.

use chrono_tz::{America, Pacific, Tz};

use crate::E164;

const EASTERN: &str = "201 202 203 207 212 215 216 220 223 227 229 234 239 240 248 252 260 267 269 272 276 283 301 302 304 305 \
    313 315 317 321 324 326 330 332 336 339 347 351 352 363 380 386 401 404 407 410 412 413 419 434 436 440 443 445 463 470 472 475 \
    478 484 502 508 513 516 517 518 540 551 561 567 570 571 582 585 586 603 607 609 610 614 616 617 624 631 640 645 646 656 667 678 \
    679 680 681 686 689 703 704 706 716 717 718 724 727 728 732 734 740 743 754 757 762 765 770 771 772 774 781 786 802 803 804 810 \
    813 814 821 826 828 835 838 839 843 845 848 854 856 857 859 860 862 863 864 865 878 904 908 910 912 914 917 919 929 934 937 941 \
    943 947 948 954 959 973 978 980 984 989 231";
const CENTRAL: &str = "205 210 214 217 218 219 224 225 228 235 251 254 256 262 274 281 309 312 314 316 318 319 320 325 327 331 334 \
    337 346 353 361 402 405 409 414 417 430 432 447 464 469 471 479 501 504 507 512 515 531 534 539 557 563 572 573 580 601 608 612 \
    615 618 629 630 636 641 651 659 660 662 682 708 712 713 715 726 730 731 737 763 769 773 779 806 815 816 817 830 832 847 861 870 \
    872 901 903 913 918 920 924 936 938 940 945 952 956 972 975 979 985";
const MOUNTAIN: &str = "303 307 385 406 435 505 575 719 720 801 915 970 983";
const ARIZONA: &str = "480 520 602 623";
const PACIFIC: &str = "206 209 213 253 279 310 323 341 350 360 369 408 415 424 425 442 503 509 510 530 559 562 564 619 626 628 650 \
    657 661 669 702 707 714 725 747 760 805 818 820 831 837 840 858 909 916 925 949 951 971";
const HAWAII: &str = "808";

impl E164 {
    /// The time zone of its area code. `None`: it is of another country, or its area code lies in two zones.
    pub fn time_zone(&self) -> Option<Tz> {
        let code = self.as_str().strip_prefix("+1")?.get(..3)?;
        let zones = [
            (EASTERN, America::New_York),
            (CENTRAL, America::Chicago),
            (MOUNTAIN, America::Denver),
            (ARIZONA, America::Phoenix),
            (PACIFIC, America::Los_Angeles),
            (HAWAII, Pacific::Honolulu),
        ];
        zones.into_iter().find(|(codes, _)| codes.split(' ').any(|known| known == code)).map(|(_, zone)| zone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn zone(number: &str) -> Option<Tz> {
        E164::parse(number).unwrap().time_zone()
    }

    #[test]
    fn an_area_code_that_lies_in_one_zone_says_which() {
        assert_eq!(zone("+1 813 555 0142"), Some(America::New_York));
        assert_eq!(zone("+1 512 555 0142"), Some(America::Chicago));
        assert_eq!(zone("+1 602 555 0142"), Some(America::Phoenix));
        assert_eq!(zone("+1 808 555 0142"), Some(Pacific::Honolulu));
    }

    #[test]
    fn one_that_lies_in_two_or_elsewhere_says_nothing() {
        for number in ["+1 850 555 0142", "+1 208 555 0142", "+1 605 555 0142", "+44 20 7946 0018"] {
            assert_eq!(zone(number), None, "{number}");
        }
    }

    #[test]
    fn no_area_code_lies_in_two_of_the_lists() {
        let all: Vec<_> =
            [EASTERN, CENTRAL, MOUNTAIN, ARIZONA, PACIFIC, HAWAII].iter().flat_map(|codes| codes.split(' ')).collect();
        assert!(all.iter().all(|code| code.len() == 3 && code.bytes().all(|digit| digit.is_ascii_digit())));
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
