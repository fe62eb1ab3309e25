"""Phrases of the drawn pictures, by language, and filler text in several scripts. All written for this generator: no text
of a real campaign is here, and brands are made up from syllables."""

LANGUAGES = ["en"] * 8 + ["de", "fr", "es", "it", "pt", "pt", "nl", "pl", "cs", "ru", "ja", "zh", "ar"]

# Lures: prize, health, dating, account, parcel, money, call and code; and what a button says.
LURE = {
    "prize": {
        "en": ["Congratulations! You have been selected", "Claim your free gift today", "Your reward is waiting", "You are our lucky winner!", "Answer 4 questions, get a present",
               "Final notice: unclaimed prize", "Get your $100 gift card", "1 winner left in your area", "Exclusive customer reward", "Special offer for loyal shoppers"],
        "de": ["Herzlichen Glückwunsch! Sie wurden ausgewählt", "Ihr Gutschein über 500 € wartet", "Letzte Mahnung: Gewinn abholen"],
        "fr": ["Félicitations ! Vous avez été choisi", "Votre cadeau vous attend", "Dernier rappel : récompense non réclamée"],
        "es": ["¡Enhorabuena! Ha sido seleccionado", "Reclame su premio hoy", "Última oportunidad: regalo gratis"],
        "it": ["Congratulazioni! Sei stato scelto", "Il tuo premio ti aspetta", "Ultimo avviso: ritira il regalo"],
        "pt": ["Parabéns! Você foi selecionado", "Seus pontos expiram hoje", "Resgate agora o seu prêmio", "Último aviso: 95.000 pontos"],
        "nl": ["Gefeliciteerd! U bent gekozen", "Uw cadeaubon ligt klaar"], "pl": ["Gratulacje! Wygrałeś nagrodę", "Odbierz swój bon 500 zł"],
        "cs": ["Gratulujeme! Byl jste vybrán", "Vyzvedněte si výhru"], "ru": ["Поздравляем! Вы выиграли приз", "Ваш подарок ждёт"],
        "ja": ["おめでとうございます！当選しました", "ポイントが失効します"], "zh": ["恭喜您中奖了！", "立即领取您的礼品"], "ar": ["تهانينا! لقد ربحت جائزة", "احصل على هديتك الآن"],
    },
    "health": {
        "en": ["Melt belly fat overnight with this trick", "Doctors are stunned by this 10 second ritual", "Lose 30 lbs without dieting", "The #1 cause of ringing ears", "Reverse it naturally in 7 days",
               "Never eat this before bed", "Grandma's recipe big pharma hides", "Restore perfect vision at home", "Do this tonight to wake up slim"],
        "de": ["10 Kilo weniger ohne Diät", "Ärzte sind sprachlos"], "fr": ["Perdez 10 kilos sans régime", "Le secret que l'on vous cache"], "es": ["Pierda peso sin esfuerzo", "El truco que asombra a los médicos"],
        "it": ["Dimagrisci senza dieta", "Il trucco segreto"], "pt": ["Emagreça 10 kg em 2 semanas", "O truque caseiro proibido"], "nl": ["Val 10 kilo af zonder dieet"], "pl": ["Schudnij bez diety"],
        "cs": ["Zhubněte bez diety"], "ru": ["Минус 10 кг без диет"], "ja": ["寝る前に飲むだけで-10kg"], "zh": ["七天瘦十斤的秘密"], "ar": ["اخسر وزنك في أسبوع"],
    },
    "dating": {
        "en": ["3 singles near you want to chat", "She left you a private message", "Meet lonely ladies tonight", "You have 5 new admirers", "View her private photos", "Someone likes you!"],
        "de": ["Sie hat dir geschrieben", "Singles in deiner Nähe"], "fr": ["Des célibataires près de chez vous"], "es": ["Chicas solteras cerca de ti"], "it": ["Ragazze single vicino a te"], "pt": ["Mulheres perto de você"],
        "nl": ["Singles bij jou in de buurt"], "pl": ["Samotne kobiety w okolicy"], "cs": ["Osamělé ženy ve vašem okolí"], "ru": ["Девушки рядом с тобой"], "ja": ["近くの独身女性"], "zh": ["附近的单身女性"], "ar": ["تعرف على فتيات بالقرب منك"],
    },
    "account": {
        "en": ["Your storage is full", "Your subscription has expired", "Action required: verify your account", "Unusual sign-in activity detected", "Your device may be infected (5)", "Your antivirus protection ended today",
               "Payment declined: update your card", "All your photos will be deleted", "Your mailbox has 8 held messages", "Password expires in 24 hours"],
        "de": ["Ihr Konto wurde eingeschränkt", "Ihr Speicher ist voll", "Zahlung fehlgeschlagen"], "fr": ["Votre compte est suspendu", "Votre abonnement a expiré"], "es": ["Su cuenta ha sido bloqueada", "Verifique sus datos"],
        "it": ["Il tuo conto è stato sospeso", "Spazio esaurito"], "pt": ["Sua conta será bloqueada", "Atualize seus dados cadastrais"], "nl": ["Uw rekening is geblokkeerd"], "pl": ["Twoje konto zostało zablokowane"],
        "cs": ["Váš účet byl omezen"], "ru": ["Ваш аккаунт заблокирован"], "ja": ["お支払い方法を更新してください", "アカウントが停止されました"], "zh": ["您的账户已被限制"], "ar": ["تم تعليق حسابك"],
    },
    "parcel": {
        "en": ["Your parcel could not be delivered", "Delivery suspended: pay $1.95 customs fee", "You have (1) package waiting", "Confirm your shipping address", "Track: delivery attempt failed"],
        "de": ["Ihr Paket wartet auf Zustellung", "Zollgebühr 2,99 € offen"], "fr": ["Votre colis est en attente", "Frais de livraison impayés"], "es": ["Su paquete está retenido"], "it": ["Il tuo pacco è in giacenza"],
        "pt": ["Sua encomenda foi taxada"], "nl": ["Uw pakket wacht op betaling"], "pl": ["Twoja paczka czeka na opłatę"], "cs": ["Vaše zásilka čeká na clo"], "ru": ["Ваша посылка задержана"], "ja": ["お荷物をお届けできませんでした"],
        "zh": ["您的包裹无法投递"], "ar": ["طردك في الانتظار"],
    },
    "money": {
        "en": ["Make $5,000 a week from home", "Bitcoin robot pays out daily", "Cash loan approved in 5 minutes", "200 free spins + $1,000 bonus", "This stock will explode on Monday", "Cut your car insurance to $29", "Cheap pills, no prescription",
               "Get your business funded today", "Luxury replica watches from $79", "Rank #1 on search engines"],
        "de": ["5.000 € pro Woche von zu Hause", "Sofortkredit ohne Schufa", "200 Freispiele gratis"], "fr": ["Gagnez 5 000 € par semaine", "Crédit immédiat"], "es": ["Gane dinero desde casa", "Préstamo en 5 minutos"], "it": ["Guadagna da casa", "Prestito immediato"],
        "pt": ["Ganhe R$ 5.000 por semana", "Empréstimo liberado"], "nl": ["Verdien geld met bitcoin"], "pl": ["Zarabiaj z domu", "Pożyczka w 5 minut"], "cs": ["Vydělávejte z domova"], "ru": ["Казино: бонус 200%", "Заработок без вложений"], "ja": ["簡単に稼ぐ方法"],
        "zh": ["在家轻松赚钱"], "ar": ["اربح المال من المنزل"],
    },
}
LURE_BUTTON = {
    "en": ["CLAIM NOW", "Get Started >>", "YES! I WANT IT", "Continue", "VERIFY NOW", "WATCH THE VIDEO", "Scan & Clean", "Confirm", "RENEW NOW", "See if you qualify", "Click here"],
    "de": ["JETZT SICHERN", "Hier klicken", "Bestätigen"], "fr": ["CLIQUEZ ICI", "Confirmer"], "es": ["HAGA CLIC AQUÍ", "Confirmar"], "it": ["CLICCA QUI", "Conferma"], "pt": ["RESGATAR AGORA", "Clique aqui"], "nl": ["KLIK HIER"], "pl": ["KLIKNIJ TUTAJ"],
    "cs": ["KLIKNĚTE ZDE"], "ru": ["ПОЛУЧИТЬ", "Нажмите здесь"], "ja": ["今すぐ確認", "ログイン"], "zh": ["立即领取", "点击这里"], "ar": ["اضغط هنا"],
}
LURE_SMALL = {
    "en": ["If you no longer wish to receive these emails please click here", "To unsubscribe write to 123 Main Street, Suite 400, Springfield", "This is an advertisement. Results may vary.", "Act before midnight. Limited availability."],
    "de": ["Wenn Sie keine E-Mails mehr wünschen, klicken Sie hier"], "fr": ["Pour vous désabonner, cliquez ici"], "es": ["Para darse de baja haga clic aquí"], "it": ["Per cancellarti clicca qui"], "pt": ["Para sair da lista clique aqui"], "nl": ["Klik hier om u af te melden"],
    "pl": ["Aby się wypisać, kliknij tutaj"], "cs": ["Pro odhlášení klikněte zde"], "ru": ["Чтобы отписаться, нажмите здесь"], "ja": ["配信停止はこちら"], "zh": ["退订请点击"], "ar": ["لإلغاء الاشتراك اضغط هنا"],
}
# What merely sells.
SELL = {
    "en": ["Summer sale: up to 40% off", "New collection is here", "Weekend deals", "Join our free webinar", "Buy one, get one half price", "Free shipping on all orders", "Back to school savings", "The new model has arrived", "Holidays from $299", "Try it free for 30 days"],
    "de": ["Sommerschlussverkauf", "Die neue Kollektion ist da", "Gratis Versand", "Angebote der Woche"], "fr": ["Soldes d'été", "Nouvelle collection", "Livraison offerte"], "es": ["Rebajas de verano", "Nueva colección", "Envío gratis"], "it": ["Saldi estivi", "Nuova collezione"],
    "pt": ["Liquidação de verão", "Frete grátis"], "nl": ["Zomeruitverkoop", "Nieuwe collectie"], "pl": ["Letnia wyprzedaż", "Nowa kolekcja"], "cs": ["Letní výprodej", "Nová kolekce"], "ru": ["Летняя распродажа", "Новая коллекция"], "ja": ["夏のセール", "新商品のご案内"], "zh": ["夏季促销", "新品上市"], "ar": ["تخفيضات الصيف", "مجموعة جديدة"],
}
SELL_BUTTON = {"en": ["Shop now", "Discover", "Book now", "Register", "Learn more", "Browse deals"], "de": ["Jetzt einkaufen", "Mehr erfahren"], "fr": ["Découvrir", "Acheter"], "es": ["Comprar", "Ver más"], "it": ["Scopri", "Acquista"], "pt": ["Comprar", "Saiba mais"], "nl": ["Shop nu"],
               "pl": ["Kup teraz"], "cs": ["Koupit"], "ru": ["Купить", "Подробнее"], "ja": ["詳しくはこちら"], "zh": ["立即购买"], "ar": ["تسوق الآن"]}
# Titles of everyday documents.
TITLE = {
    "en": ["Invoice", "Order confirmation", "Meeting minutes", "Quarterly report", "Boarding pass", "Your receipt", "Timetable", "Lunch menu", "Project plan", "Employment contract", "Welcome letter", "Newsletter", "Agenda", "Delivery note", "Certificate", "Application form",
           "Annual review", "Team offsite", "Release notes", "Safety instructions", "Rental agreement", "Quotation"],
    "de": ["Rechnung", "Bestellbestätigung", "Protokoll", "Arbeitsvertrag", "Speisekarte", "Lieferschein", "Angebot", "Rundbrief"], "fr": ["Facture", "Contrat de location", "Compte rendu", "Menu du jour", "Devis"], "es": ["Factura", "Contrato", "Acta de la reunión", "Presupuesto"],
    "it": ["Fattura", "Contratto", "Verbale", "Preventivo"], "pt": ["Nota fiscal", "Contrato", "Relatório", "Orçamento"], "nl": ["Factuur", "Overeenkomst", "Notulen"], "pl": ["Faktura", "Umowa", "Protokół"], "cs": ["Faktura", "Smlouva", "Zápis z porady", "Nabídka"],
    "ru": ["Счёт", "Договор", "Протокол"], "ja": ["請求書", "契約書", "議事録"], "zh": ["发票", "合同", "会议纪要"], "ar": ["فاتورة", "عقد", "محضر اجتماع"],
}
FILLER = {
    "en": "the of to and in for is on that by this with you it not or be are from at as your all have new more was we will can about please our date page order number amount service report please find attached meeting project team schedule annual total value between under during review agreement party section notice office department".split(),
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr Vertrag Rechnung Abteilung Straße".split(),
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ont été cette aux comme fait son entre contrat article société selon service".split(),
    "es": "de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí porque esta entre cuando muy sin sobre contrato fecha servicio número".split(),
    "it": "di che e la il un a per in una mi sono ho non ma lo ha le si ti con cosa se io come da ci no questo qui hai sei del bene contratto fattura servizio data società".split(),
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos já contrato serviço data empresa valor".split(),
    "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar over door wel overeenkomst datum dienst factuur".split(),
    "pl": "w i na z do się nie to że jest o jak po od za dla tym przez tak co ale czy być oraz jego które może roku umowa faktura usługa data".split(),
    "cs": "a se v na je že o s z do i to k ve pro za by ale si po jako podle od jeho které až však smlouva faktura služba datum společnost roku".split(),
    "ru": "и в не на я быть он с что а по это она этот к но они мы весь который из у за от так для договор услуги отчёт дата компания".split(),
    "ja": list("の に は を た が で て と し れ さ あ る い も す な こ 日 本 年 会 社 株 式 報 告 書 資 料 確 認 案 内 様 御 中 契 約 月 分 部 長".split()),
    "zh": list("的 一 是 不 了 在 人 有 我 他 这 中 大 来 上 国 个 到 说 们 为 公 司 合 同 报 告 会 议 项 目 部 门 年 月 日 金 额".split()),
    "ar": "في من على أن إلى هذا التي كان عن مع الذي هذه كل بين بعد عند قد حتى كما عقد شركة تاريخ خدمة تقرير الاجتماع".split(),
}
SYLLABLES = "al ar bel cor del en fa gon hol in jor ka lum mar nex or pel qua ri sol tan ul ver wex yon zen bri cla dro fin gra".split()
CODE = ["fn main() {", "    let total: u64 = items.iter().sum();", "if (count > limit) return error;", "for i in range(10):", "    print(f\"{i}: {value}\")", "SELECT id, name FROM users WHERE age > 30;", "// TODO: handle the empty case", "import { useState } from 'react';",
        "class Parser extends Base {", "    return self.cache.get(key)", "}", "", "git commit -m 'fix tests'", "#include <stdio.h>", "public static void main(String[] args)", "try:", "except ValueError as error:"]
TERMINAL = ["root@host:~# systemctl status nginx", "Active: active (running) since Mon", "[    0.000000] Linux version 6.1.0-13-amd64", "[    1.204518] usb 1-1: new high-speed USB device", "drwxr-xr-x 2 user user 4096 Jan 12 09:14 src", "user@laptop:~/project$ make", "Setting up libc6 (2.36-9) ...",
            "  PID USER      PR  NI    VIRT    RES    SHR S  %CPU", "Mem:  16384000k total,  9123004k used", "error: could not compile due to 2 previous errors", "[ OK ] Started Network Manager.", "[FAILED] Failed to mount /data.", "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.4 ms", "GNU GRUB  version 2.06",
            "Press F2 to enter SETUP, F12 for boot menu", "C:\\> dir /w", "Loading initial ramdisk ...", "kernel panic - not syncing: VFS"]
