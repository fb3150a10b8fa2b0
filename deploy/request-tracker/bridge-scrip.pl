# Tells the Jelou Ticket Bridge what happened on a ticket: the commit code of an RT 5 scrip.
#
# Condition "On Transaction", action "User Defined", template "Blank", stage "Batch"; custom prepare code: return 1;
# setup-bridge.pl makes it so. Three settings belong into RT's site configuration:
#
#   Set($JelouBridgeURL,    'https://bridge.example.com/webhooks/helpdesks/generic/rt');
#   Set($JelouBridgeSecret, 'whsec_...');       # as in the account's verification.secrets
#   Set($JelouBridgeUser,   'jelou-bridge');    # the account's settings.user
#
# Stage "Batch", because it runs after the commit: before it the bridge would be told of a ticket that it cannot read
# yet. It runs once for all that one request did, so every transaction of the batch is told.

require Digest::SHA;
require HTTP::Request;
require JSON;
require LWP::UserAgent;
require MIME::Base64;

my $url = RT->Config->Get('JelouBridgeURL') or return 1;
my $secret = RT->Config->Get('JelouBridgeSecret') || '';
my $user   = RT->Config->Get('JelouBridgeUser')   || '';
my $ticket = $self->TicketObj;
my @batch  = @{ $ticket->TransactionBatch || [] };
@batch = ( $self->TransactionObj ) unless @batch;

# What the bridge did by itself would only come back to it.
return 1 unless grep { $_->CreatorObj->Name ne $user } @batch;

my $bool     = sub { $_[0] ? JSON::true() : JSON::false() };
my $has_text = qr/^(?:Create|Correspond|Comment)$/;

my $content = sub {
    my $txn = shift;
    return undef unless $txn->Type =~ $has_text && $txn->ContentObj;
    return $txn->Content( Type => 'text/plain' );
};

# A file is told by its address; RT asks whoever opens it to log in.
my $files = sub {
    my $txn  = shift;
    my $base = RT->Config->Get('WebURL') . 'Ticket/Attachment';
    my @told;
    my $found = $txn->Attachments;
    while ( my $file = $found->Next ) {
        next unless defined $file->Filename && length $file->Filename;
        my $name = $file->Filename;
        RT::Interface::Web::EscapeURI( \( my $escaped = $name ) );
        push @told, {
            name      => $name,
            mime_type => $file->ContentType,
            size      => ( $file->ContentLength || 0 ) + 0,
            url       => join( '/', $base, $txn->Id, $file->Id, $escaped ),
        };
    }
    return \@told;
};

my $told_of = sub {
    my $txn = shift;
    return {
        id           => $txn->Id + 0,
        type         => $txn->Type,
        field        => $txn->Field,
        old_value    => $txn->OldValue,
        new_value    => $txn->NewValue,
        creator      => $txn->CreatorObj->Name,
        creator_id   => $txn->Creator + 0,
        by_requestor => $bool->( $ticket->Requestor->HasMemberRecursively( $txn->CreatorObj->PrincipalObj ) ),
        created      => $txn->CreatedObj->W3CDTF( Timezone => 'UTC' ),
        public       => $bool->( $txn->Type ne 'Comment' ),
        content      => $content->($txn),
        files        => $txn->Type =~ $has_text ? $files->($txn) : [],
    };
};

# RT tells a user's number only to whoever may administer users. The ticket keeps it for the bridge, which may not.
my ($requestor) = @{ $ticket->Requestor->UserMembersObj->ItemsArrayRef };
my ($phone) = $requestor ? grep { $_ } map { $requestor->$_ } qw(MobilePhone WorkPhone HomePhone) : ();
if ( $phone && $phone ne ( $ticket->FirstCustomFieldValue('JelouPhone') || '' ) ) {
    $ticket->AddCustomFieldValue( Field => 'JelouPhone', Value => $phone, RecordTransaction => 0 );
}

my %fields;
my $known = $ticket->CustomFields;
while ( my $field = $known->Next ) {
    $fields{ $field->Name } = $ticket->FirstCustomFieldValue( $field->Name );
}

my $body = JSON->new->utf8->canonical->encode(
    {   type      => 'ticket.' . lc $batch[0]->Type,
        timestamp => $batch[0]->CreatedObj->W3CDTF( Timezone => 'UTC' ),
        ticket    => {
            id            => $ticket->Id + 0,
            subject       => $ticket->Subject,
            status        => $ticket->Status,
            queue         => $ticket->QueueObj->Name,
            priority      => $ticket->Priority + 0,
            owner         => $ticket->OwnerObj->Name,
            custom_fields => \%fields,
        },
        requestor => $requestor
        ? { id           => $requestor->Id + 0,
            name         => $requestor->Name,
            real_name    => $requestor->RealName,
            email        => $requestor->EmailAddress,
            mobile_phone => $requestor->MobilePhone,
            work_phone   => $requestor->WorkPhone,
            home_phone   => $requestor->HomePhone,
            }
        : undef,
        transactions => [ map { $told_of->($_) } @batch ],
    }
);

# Standard Webhooks 1.0.0. The id is the batch's own, so that whatever tells it again is known; the signed text is
# parted by dots, so the id has none.
my $id = join '-', 'rt', RT->Config->Get('rtname'), $batch[0]->Id, $batch[-1]->Id;
$id =~ s/[^A-Za-z0-9_-]/_/g;
my $now       = time;
my $key       = $secret =~ /^whsec_(.+)/ ? MIME::Base64::decode_base64($1) : $secret;
my $signature = MIME::Base64::encode_base64( Digest::SHA::hmac_sha256( "$id.$now.$body", $key ), '' );

# The agent's request waits for this one: three seconds at most. What is lost here the bridge finds by reconciling.
my $answer = LWP::UserAgent->new( timeout => 3, max_redirect => 0, agent => 'rt-jelou-bridge/1' )->request(
    HTTP::Request->new(
        POST => $url,
        [   'Content-Type'      => 'application/json',
            'webhook-id'        => $id,
            'webhook-timestamp' => $now,
            'webhook-signature' => "v1,$signature",
        ],
        $body
    )
);
RT->Logger->error( "the Jelou bridge did not take $id: " . $answer->status_line ) unless $answer->is_success;
return 1;
